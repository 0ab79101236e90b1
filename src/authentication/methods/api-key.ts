import type { KeyRecord } from "../../api-keys/record.ts";
import type { KeyRefusal, KeyVerdict, Verification } from "../../api-keys/verification.ts";
import type { EventReason, Party } from "../../audit/events.ts";
import type { Code } from "../../errors/codes.ts";
import type { Demand } from "../../rate-limits/limits.ts";
import { guesserOf } from "../guesser.ts";
import type { Principal, Refusal, Verdict } from "../principal.ts";
import { type CredentialMethod, demandsOf } from "./method.ts";

/** What each refusal is outside (vague) and inside (exact). */
const answers: Record<KeyRefusal, { code: Code; reason: EventReason }> = {
  malformed: { code: "invalid_api_key", reason: "malformed" },
  forged: { code: "invalid_api_key", reason: "forged" },
  unknown: { code: "invalid_api_key", reason: "unknown" },
  revoked: { code: "invalid_api_key", reason: "revoked" },
  deleted: { code: "invalid_api_key", reason: "deleted" },
  expired: { code: "invalid_api_key", reason: "expired" },
  disabled: { code: "invalid_api_key", reason: "disabled" },
  insufficient_scope: { code: "insufficient_scope", reason: "insufficient_scope" },
  address_not_allowed: { code: "address_not_allowed", reason: "address_not_allowed" },
  over_limit: { code: "rate_limited", reason: "over_limit" },
  limit_unavailable: { code: "limit_unavailable", reason: "limit_unavailable" },
  guessing: { code: "rate_limited", reason: "guessing" },
  sources_unavailable: { code: "unavailable", reason: "sources_unavailable" },
};

export function apiKeyMethod(verification: Verification): CredentialMethod {
  const principals = new WeakMap<KeyRecord, Principal>();

  /** One principal for as long as the record is the same: what is made for it can be kept beside it. */
  function principalOf(record: KeyRecord): Principal {
    const known = principals.get(record);
    if (known) return known;
    const principal = principalFrom(record);
    principals.set(record, principal);
    return principal;
  }

  function verdictOf(verdict: KeyVerdict, scopes: readonly string[]): Verdict {
    const standings = verdict.standings ?? [];
    const degraded = verdict.degraded ?? [];
    if (verdict.ok) return { ok: true, principal: principalOf(verdict.record), standings, degraded };
    return { ok: false, refusal: refusalOf(verdict, scopes), standings, degraded };
  }

  return {
    kind: "api-key",
    accepts: (presented) => presented.found === "api-key",
    claims: verification.isClaimed,

    async screen(text, visit) {
      const verdict = await verification.screen(text, guesserOf(visit.network));
      return verdict && verdictOf(verdict, []);
    },

    async verify(text, question): Promise<Verdict> {
      const verdict = await verification.check({
        text,
        arrivedAt: question.visit.arrivedAt,
        guesser: guesserOf(question.visit.network, question.caller),
        usedFrom: question.visit,
        scopes: question.scopes,
        demandsOf: (record): Demand[] => [
          ...(question.taken ? [] : record.limits).map((limit) => ({
            limit: {
              name: limit.name,
              permits: limit.limit,
              windowSeconds: limit.windowSeconds,
              whenUnavailable: "local" as const,
            },
            subject: `key:${record.lineageId}`,
            cost: question.cost,
          })),
          ...demandsOf(question, { key: record.lineageId, owner: `${record.owner.type}:${record.owner.id}` }),
        ],
        background: question.visit.background,
      });
      return verdictOf(verdict, question.scopes);
    },
  };
}

function refusalOf(verdict: KeyVerdict & { ok: false }, scopes: readonly string[]): Refusal {
  const actor: Party = verdict.record ? { type: "key", id: verdict.record.id } : { type: "stranger", id: "" };
  return {
    ...answers[verdict.reason],
    actor,
    retryAfterSeconds: verdict.retryAfterSeconds,
    violatedLimits: verdict.limits,
    neededScopes: verdict.reason === "insufficient_scope" ? scopes : undefined,
  };
}

const principalFrom = (record: KeyRecord): Principal => ({
  method: "api-key",
  subject: record.owner,
  credentialId: record.id,
  lineageId: record.lineageId,
  environment: record.environment,
  scopes: record.scopes,
  clientId: record.id,
  sessionId: null,
  level: null,
  authTime: null,
});
