import type { EventReason, Party } from "../../audit/events.ts";
import type { Code } from "../../errors/codes.ts";
import type { AccessToken } from "../../tokens/access-token.ts";
import type { TokenCheck, TokenRefusal, TokenVerdict } from "../../tokens/token-check.ts";
import type { Principal, Verdict } from "../principal.ts";
import { type CredentialMethod, demandsOf, type Question } from "./method.ts";

/** What is not about the token itself; the rest is 401 `invalid_token` outside and exact inside (RFC 6750 §3.1). */
const answers: Partial<Record<TokenRefusal, { code: Code; reason: EventReason }>> = {
  insufficient_scope: { code: "insufficient_scope", reason: "insufficient_scope" },
  over_limit: { code: "rate_limited", reason: "over_limit" },
  limit_unavailable: { code: "limit_unavailable", reason: "limit_unavailable" },
  guessing: { code: "rate_limited", reason: "guessing" },
  sources_unavailable: { code: "unavailable", reason: "sources_unavailable" },
};

export function accessTokenMethod(tokenCheck: TokenCheck): CredentialMethod {
  return {
    kind: "access-token",
    accepts: (presented) => presented.found === "bearer",
    /** Where anybody may come in, a bearer token is the upstream's own matter. */
    claims: () => false,

    /** Whose token it is depends on the route: a public one passes an upstream's own through. */
    screen: () => Promise.resolve(null),

    async verify(text, question): Promise<Verdict> {
      const { visit } = question;
      const verdict = await tokenCheck.check({
        text,
        arrivedAt: visit.arrivedAt,
        askedFrom: visit.network,
        audiences: question.audiences,
        scopes: question.scopes,
        demandsOf: (token) => limitsOf(token, question),
        background: visit.background,
      });
      return verdictOf(verdict, question.scopes);
    },
  };
}

/** A session is to a token what a lineage is to a key: what remains when the token is renewed. */
const limitsOf = (token: AccessToken, question: Question) =>
  demandsOf(question, {
    key: token.sessionId ?? `client:${token.clientId}`,
    owner: `user:${token.subject}`,
  });

function verdictOf(verdict: TokenVerdict, scopes: readonly string[]): Verdict {
  const standings = verdict.standings ?? [];
  const degraded = verdict.degraded ?? [];
  if (verdict.ok) return { ok: true, principal: principalOf(verdict.token), standings, degraded };
  const { reason, token } = verdict;
  const actor: Party = token ? { type: "user", id: token.subject } : { type: "stranger", id: "" };
  const told = answers[reason] ?? { code: "invalid_token", reason: reason as EventReason };
  return {
    ok: false,
    refusal: {
      ...told,
      credential: "access-token",
      actor,
      retryAfterSeconds: verdict.retryAfterSeconds,
      violatedLimits: verdict.limits,
      neededScopes: reason === "insufficient_scope" ? scopes : undefined,
    },
    standings,
    degraded,
  };
}

const principalOf = (token: AccessToken): Principal => ({
  method: "access-token",
  subject: { type: "user", id: token.subject },
  credentialId: token.jti,
  lineageId: null,
  environment: null,
  scopes: token.scopes,
  clientId: token.clientId,
  sessionId: token.sessionId,
  level: token.acr,
});
