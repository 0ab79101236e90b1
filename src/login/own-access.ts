import type { Audit } from "../audit/audit.ts";
import type { Party } from "../audit/events.ts";
import type { Authentication } from "../authentication/authentication.ts";
import type { Question } from "../authentication/methods/method.ts";
import type { Verdict } from "../authentication/principal.ts";
import type { Demand, OwnLimit } from "../rate-limits/limits.ts";

export type OwnEntrant =
  | {
      readonly ok: true;
      readonly accountId: string;
      readonly sessionId: string;
      readonly actor: Party;
      /** Limits that were counted in this isolate alone, for Gatehouse-Degraded. */
      readonly degraded: readonly string[];
    }
  | { readonly ok: false; readonly verdict: Verdict & { ok: false } };

type Visitor = Question["visit"] & { readonly requestId: string };
type Event = Parameters<Audit["record"]>[0];

/**
 * Lets a person's own application at their account: a token of ours, for us, from a session. A token that somebody else's
 * application was given says whose it is, and opens nothing here.
 */
export function createOwnAccess(options: {
  authentication: Pick<Authentication, "authenticate">;
  audit: Pick<Audit, "record">;
  eventsOf: (verdict: Verdict, origin: Event["origin"], subject: Party) => Event[];
  limitOf: (name: OwnLimit) => Demand["limit"];
  issuer: string;
  clientId: string;
}) {
  return {
    async enter(headers: Headers, visit: Visitor): Promise<OwnEntrant> {
      const verdict = await options.authentication.authenticate(headers, {
        credentials: ["access-token"],
        audiences: [options.issuer],
        scopes: [],
        isOwnAccount: true,
        limits: [{ ...options.limitOf("ownAccount"), per: "owner" }],
        routeId: "own-account",
        cost: 1,
        visit,
      });
      const judged = verdict.ok ? requireOwn(verdict, options.clientId) : verdict;
      const origin = { requestId: visit.requestId, address: visit.address, country: visit.country };
      for (const event of options.eventsOf(judged, origin, { type: "route", id: "own-account" })) {
        options.audit.record(event, visit.background);
      }
      if (judged.ok) {
        const { subject, sessionId } = judged.principal;
        const accountId = subject?.id ?? "";
        const actor = { type: "user", id: accountId } as const;
        return { ok: true, accountId, sessionId: sessionId ?? "", actor, degraded: judged.degraded };
      }
      return { ok: false, verdict: judged };
    },
  };
}

export type OwnAccess = ReturnType<typeof createOwnAccess>;

function requireOwn(verdict: Verdict & { ok: true }, clientId: string): Verdict {
  const { principal, standings, degraded } = verdict;
  const { subject, sessionId } = principal;
  if (principal.clientId === clientId && sessionId !== null && subject !== null) return verdict;
  return {
    ok: false,
    refusal: {
      code: "credential_not_accepted",
      reason: "credential_not_accepted",
      actor: subject ?? { type: "stranger", id: "" },
    },
    standings,
    degraded,
  };
}
