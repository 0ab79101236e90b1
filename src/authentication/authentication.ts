import type { EventReason } from "../audit/events.ts";
import type { Code } from "../errors/codes.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";
import type { Revocation } from "../revocation/revocation.ts";
import { type CredentialMethod, demandsOf, type Question } from "./methods/method.ts";
import { type Presented, readPresented } from "./presented.ts";
import { anonymous, type Verdict } from "./principal.ts";

const stranger = { type: "stranger", id: "" } as const;

/** One request in, one Principal or one refusal out. Never throws for what a caller sent. */
export function createAuthentication(options: {
  methods: readonly CredentialMethod[];
  rateLimits: Pick<RateLimits, "take">;
  revocation: Pick<Revocation, "openTrip" | "feed" | "evidenceNeededSince" | "isRefreshDue">;
}) {
  const { methods, rateLimits, revocation } = options;

  /** A public route still limits, by address; and it may be changed, so the feed is read where it is due. */
  async function admitAnyone(question: Question): Promise<Verdict> {
    const { arrivedAt } = question.visit;
    const isDue = revocation.feed.readBeganAt() < revocation.evidenceNeededSince(arrivedAt);
    const trip = revocation.openTrip();
    const refreshed = isDue || revocation.isRefreshDue() ? revocation.feed.refresh(trip) : null;
    const taking = rateLimits.take(trip, demandsOf(question, {}));
    await trip.send();
    await refreshed;
    const taken = await taking;
    if (taken.ok)
      return { ok: true, principal: anonymous, standings: taken.standings, degraded: taken.degraded };
    const isOver = taken.reason === "over";
    return {
      ok: false,
      refusal: {
        code: isOver ? "rate_limited" : "limit_unavailable",
        reason: isOver ? "over_limit" : "limit_unavailable",
        actor: stranger,
        retryAfterSeconds: taken.retryAfterSeconds,
        violatedLimits: taken.names,
      },
      standings: taken.standings,
      degraded: taken.degraded,
    };
  }

  return {
    /** Refuses what needs no look-up to be refused: for an isolate that has not read its routes yet. */
    async screen(headers: Headers, visit: Question["visit"]): Promise<Verdict | null> {
      const presented = readPresented(headers);
      const method = methods.find((one) => one.accepts(presented));
      return method && "text" in presented && claims(method, presented.text)
        ? await method.screen(presented.text, visit)
        : null;
    },

    authenticate(headers: Headers, question: Question): Promise<Verdict> {
      const presented = readPresented(headers);
      const isPublic = question.credentials.includes("public");
      if (presented.found === "several" && !isPublic)
        return Promise.resolve(refuse("several_credentials", "several_credentials"));
      const method = methods.find((one) => one.accepts(presented));
      // On a public route only what claims to be ours is looked at: it must be good, whatever else is there is nobody's.
      if (!method || !("text" in presented) || (isPublic && !claims(method, presented.text))) {
        return isPublic
          ? withTakenBefore(admitAnyone(question), question.taken)
          : Promise.resolve(refuse(...absenceOf(presented, question)));
      }
      if (!question.credentials.includes(method.kind) && !isPublic) {
        // Where no tokens are taken a bearer is some other system's, and no token that is good here (RFC 6750 §3.1).
        return Promise.resolve(
          presented.found === "bearer"
            ? refuse(...absenceOf(presented, question))
            : refuse("credential_not_accepted", "credential_not_accepted"),
        );
      }
      return withTakenBefore(method.verify(presented.text, question), question.taken);
    },
  };
}

export type Authentication = ReturnType<typeof createAuthentication>;

/** The caller is told of every limit that counted the request, by whichever judgement it was taken. */
const withTakenBefore = (judging: Promise<Verdict>, taken: Question["taken"]): Promise<Verdict> =>
  taken
    ? judging.then((verdict) => ({
        ...verdict,
        standings: [...taken.standings, ...verdict.standings],
        degraded: [...taken.degraded, ...verdict.degraded],
      }))
    : judging;

const claims = (method: CredentialMethod, text: string): boolean => method.claims?.(text) ?? true;

function refuse(code: Code, reason: EventReason): Verdict {
  return { ok: false, refusal: { code, reason, actor: stranger }, standings: [], degraded: [] };
}

function absenceOf(presented: Presented, question: Question): [Code, EventReason] {
  if (presented.found === "bearer") return ["invalid_token", "invalid_token"];
  const takesKeys = question.credentials.includes("api-key");
  return [takesKeys ? "missing_api_key" : "missing_credential", "missing_credential"];
}
