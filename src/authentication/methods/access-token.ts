import type { EventReason, Party } from "../../audit/events.ts";
import type { Code } from "../../errors/codes.ts";
import type { AccessToken } from "../../tokens/access-token.ts";
import type { TokenCheck, TokenRefusal, TokenVerdict } from "../../tokens/token-check.ts";
import type { Principal, Refusal, Verdict } from "../principal.ts";
import { type CredentialMethod, demandsOf, type Question } from "./method.ts";

/** What is not about the token itself; the rest is 401 `invalid_token` outside and exact inside (RFC 6750 §3.1). */
const answers: Partial<Record<TokenRefusal, { code: Code; reason: EventReason }>> = {
  insufficient_scope: { code: "insufficient_scope", reason: "insufficient_scope" },
  insufficient_user_authentication: {
    code: "insufficient_user_authentication",
    reason: "insufficient_user_authentication",
  },
  over_limit: { code: "rate_limited", reason: "over_limit" },
  limit_unavailable: { code: "limit_unavailable", reason: "limit_unavailable" },
  guessing: { code: "rate_limited", reason: "guessing" },
  sources_unavailable: { code: "unavailable", reason: "sources_unavailable" },
};

export function accessTokenMethod(tokenCheck: TokenCheck): CredentialMethod {
  const principals = new WeakMap<AccessToken, Principal>();

  /** One principal for as long as the token is remembered: what is made for it can be kept beside it. */
  function principalOf(token: AccessToken): Principal {
    const known = principals.get(token);
    if (known) return known;
    const principal = principalFrom(token);
    principals.set(token, principal);
    return principal;
  }

  function verdictOf(verdict: TokenVerdict, scopes: readonly string[]): Verdict {
    const standings = verdict.standings ?? [];
    const degraded = verdict.degraded ?? [];
    if (verdict.ok) return { ok: true, principal: principalOf(verdict.token), standings, degraded };
    return { ok: false, refusal: refusalOf(verdict, scopes), standings, degraded };
  }

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
        levelDemands: question.levelDemands ?? [],
        isOwnAccount: question.isOwnAccount ?? false,
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
    owner: `${partyOf(token).type}:${token.subject}`,
  });

/** A client that acts for itself is its own subject (RFC 9068 §2.2); nobody else's name is a client's. */
const partyOf = ({ subject, clientId }: AccessToken): Party => ({
  type: subject === clientId ? "client" : "user",
  id: subject,
});

function refusalOf(
  { reason, token, ...verdict }: TokenVerdict & { ok: false },
  scopes: readonly string[],
): Refusal {
  const actor: Party = token ? partyOf(token) : { type: "stranger", id: "" };
  return {
    ...(answers[reason] ?? { code: "invalid_token", reason: reason as EventReason }),
    credential: "access-token",
    actor,
    retryAfterSeconds: verdict.retryAfterSeconds,
    violatedLimits: verdict.limits,
    neededScopes: reason === "insufficient_scope" ? scopes : undefined,
    stepUp: verdict.stepUp,
  };
}

const principalFrom = (token: AccessToken): Principal => ({
  method: "access-token",
  subject: partyOf(token),
  credentialId: token.jti,
  lineageId: null,
  environment: null,
  scopes: token.scopes,
  clientId: token.clientId,
  sessionId: token.sessionId,
  level: token.acr,
  authTime: token.authTimeSeconds === null ? null : new Date(token.authTimeSeconds * 1000),
});
