import type { Audit } from "../audit/audit.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Messages } from "../messages/messages.ts";
import type { Taken } from "../rate-limits/limits.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";
import type { Operator } from "./factor.ts";
import { prefixOf } from "./phone-number.ts";
import type { SmsCodes } from "./sms-codes.ts";

/** Who causes a text: their network is counted beside the account. */
export type Sender = Operator & { readonly network: string };

type Code = {
  readonly template: "sign-in-code" | "number-code";
  readonly number: string;
  readonly accountId: string;
  readonly code: string;
};

/**
 * Texts cost money, and some numbers earn by them: each is counted by its number, its neighbours, who asks and all in all,
 * in one step and before anything is sent. Without Redis none is sent. Attempts are counted, whatever became of them.
 */
export function createTexting(sources: {
  readonly messages: Pick<Messages, "sendText">;
  readonly rateLimits: Pick<RateLimits, "openTrip" | "take" | "demandOf">;
  readonly codes: Pick<SmsCodes, "subjectOf">;
  /** Whose money it is. */
  readonly payer: string;
  readonly audit: Pick<Audit, "record">;
}) {
  const { messages, rateLimits, audit } = sources;
  const { demandOf } = rateLimits;

  async function take(demands: Parameters<RateLimits["take"]>[1]): Promise<Taken> {
    const trip = rateLimits.openTrip();
    const taking = rateLimits.take(trip, demands);
    await trip.send();
    return await taking;
  }

  function refuse(taken: Taken & { ok: false }, { actor, origin, background }: Operator): never {
    const subject = { type: "limit", id: taken.names.join(" ") } as const;
    const isOver = taken.reason === "over";
    audit.record(
      {
        type: isOver ? "limit.exceeded" : "access.refused",
        outcome: "refused",
        reason: isOver ? "over_limit" : "limit_unavailable",
        actor,
        subject,
        origin,
      },
      background,
    );
    const { retryAfterSeconds } = taken;
    if (isOver) throw new AuthError("rate_limited", undefined, { retryAfterSeconds });
    throw new AuthError("unavailable", "no text is sent uncounted", { retryAfterSeconds });
  }

  return {
    /** Throws when none was sent: too many were, the limits are silent, or the provider did not take it. */
    async sendCode({ template, number, accountId, code }: Code, sender: Sender): Promise<void> {
      const to = `number:${await sources.codes.subjectOf(number)}`;
      const taken = await take([
        demandOf("smsNumber", to),
        demandOf("smsNumberDay", to),
        demandOf("smsPrefix", `prefix:${prefixOf(number)}`),
        demandOf("smsNetwork", `network:${sender.network}`),
        demandOf("smsAccount", `account:${accountId}`),
        demandOf("smsDay", `payer:${sources.payer}`),
      ]);
      if (!taken.ok) refuse(taken, sender);
      const { actor, origin, background } = sender;
      const sent = await messages.sendText({ template, to: number, code }, background);
      if (!sent.ok && sent.reason === "refused" && template === "number-code")
        throw new AuthError("invalid_request", "number: no text message can be sent to it");
      if (!sent.ok) throw new AuthError("unavailable", "the SMS provider did not take the message");
      const subject = { type: "user", id: accountId } as const;
      audit.record(
        { type: "factor.code_sent", outcome: "done", reason: null, actor, subject, origin },
        background,
      );
    },

    /**
     * Tells a number that it is no more: beside the mail, since whoever did it may read those. Counted apart from codes, so
     * that nobody can silence it by asking for many.
     */
    async tellGone(number: string, accountId: string, { background }: Operator): Promise<void> {
      const to = `number:${await sources.codes.subjectOf(number)}`;
      const subjects = [to, `account:${accountId}`];
      const taken = await take(subjects.map((subject) => demandOf("smsNotices", subject)));
      if (taken.ok) await messages.sendText({ template: "number-gone", to: number }, background);
    },
  };
}

export type Texting = ReturnType<typeof createTexting>;
