import type { Audit } from "../audit/audit.ts";
import type { Party } from "../audit/events.ts";
import type { Demand, OwnLimit } from "../rate-limits/limits.ts";
import type { Authentication } from "./authentication.ts";
import type { Question } from "./methods/method.ts";
import type { Principal, Verdict } from "./principal.ts";
import { eventsOf } from "./refusal-event.ts";

/** Scopes of our own doors. Only a management key may give them away. */
export const ownScopes = {
  admin: "gatehouse:admin",
  verify: "gatehouse:keys:verify",
  introspect: "gatehouse:tokens:introspect",
} as const;

export type Entrant =
  | { readonly ok: true; readonly principal: Principal; readonly actor: Party }
  | { readonly ok: false; readonly verdict: Verdict & { ok: false } };

type Visitor = Question["visit"] & { readonly requestId: string };

/** Lets a caller into the management API or the key verifier: the same check as at the gateway, other scopes. */
export function createOperatorAccess(options: {
  authentication: Authentication;
  audit: Pick<Audit, "record">;
  limitOf: (name: OwnLimit) => Demand["limit"];
}) {
  return {
    /** `limit: null`: the key's own limits are all that bounds it. */
    async enter(
      headers: Headers,
      visit: Visitor,
      anyOf: readonly string[],
      limit: OwnLimit | null = "management",
    ): Promise<Entrant> {
      const verdict = await options.authentication.authenticate(headers, {
        credentials: ["api-key"],
        scopes: [],
        audiences: [],
        limits: limit === null ? [] : [{ ...options.limitOf(limit), per: "key" }],
        routeId: "management",
        cost: 1,
        visit,
      });
      const judged = verdict.ok ? requireOneOf(verdict, anyOf) : verdict;
      if (judged.ok) {
        return {
          ok: true,
          principal: judged.principal,
          actor: { type: "key", id: judged.principal.credentialId ?? "" },
        };
      }
      const origin = { requestId: visit.requestId, address: visit.address, country: visit.country };
      for (const event of eventsOf(judged, origin, { type: "route", id: "management" })) {
        options.audit.record(event, visit.background);
      }
      return { ok: false, verdict: judged };
    },
  };
}

export type OperatorAccess = ReturnType<typeof createOperatorAccess>;

function requireOneOf(verdict: Verdict & { ok: true }, anyOf: readonly string[]): Verdict {
  if (anyOf.some((scope) => verdict.principal.scopes.includes(scope))) return verdict;
  const actor = { type: "key", id: verdict.principal.credentialId ?? "" } as const;
  return {
    ok: false,
    refusal: {
      code: "insufficient_scope",
      reason: "insufficient_scope",
      actor,
      neededScopes: anyOf.slice(0, 1),
    },
    standings: verdict.standings,
    degraded: verdict.degraded,
  };
}
