import type { Audit, Background } from "../audit/audit.ts";
import type { Party, SecurityEvent } from "../audit/events.ts";
import type { Authentication } from "../authentication/authentication.ts";
import type { Question } from "../authentication/methods/method.ts";
import type { Verdict } from "../authentication/principal.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { SigningKeys } from "../signing-keys/signing-keys.ts";
import type { Clients } from "./clients.ts";
import type { GrantStore } from "./grants.store.ts";
import { personClaims } from "./person-claims.ts";
import type { Subjects } from "./subjects.ts";

type Visitor = Question["visit"] & { readonly requestId: string; readonly background: Background };

export type UserinfoAnswer =
  | { readonly ok: true; readonly claims: Record<string, unknown> }
  /** RFC 7519: signed, for a client that registered an algorithm (OIDC Core §5.3.2). */
  | { readonly ok: true; readonly jwt: string }
  | { readonly ok: false; readonly verdict: Verdict & { ok: false } };

/** OIDC Core §5.3: what a client may know of the person whose access token it holds. */
export function createUserinfo(options: {
  authentication: Pick<Authentication, "authenticate">;
  clients: Pick<Clients, "find">;
  grants: Pick<GrantStore, "findPerson">;
  subjects: Subjects;
  signingKeys: Pick<SigningKeys, "sign">;
  audit: Pick<Audit, "record">;
  eventsOf: (verdict: Verdict, origin: SecurityEvent["origin"], subject: Party) => SecurityEvent[];
  issuer: string;
  now: () => number;
}) {
  const { issuer, now } = options;

  async function admit(headers: Headers, visit: Visitor): Promise<Verdict> {
    const verdict = await options.authentication.authenticate(headers, {
      credentials: ["access-token"],
      audiences: [issuer],
      scopes: ["openid"],
      isOwnAccount: true,
      limits: [],
      routeId: "userinfo",
      cost: 1,
      visit,
    });
    const origin = { requestId: visit.requestId, address: visit.address, country: visit.country };
    for (const event of options.eventsOf(verdict, origin, { type: "route", id: "userinfo" }))
      options.audit.record(event, visit.background);
    return verdict;
  }

  return {
    async tell(headers: Headers, visit: Visitor): Promise<UserinfoAnswer> {
      const verdict = await admit(headers, visit);
      if (!verdict.ok) return { ok: false, verdict };
      const { subject, clientId, sessionId, scopes } = verdict.principal;
      const client = clientId === null ? null : await options.clients.find(clientId, visit);
      if (!client || subject === null || sessionId === null) throw new AuthError("invalid_token");
      const [person, sub] = await Promise.all([
        options.grants.findPerson(subject.id, sessionId, new Date(now())),
        options.subjects.subjectOf(client, subject.id),
      ]);
      if (!person) throw new AuthError("invalid_token");
      const asked = person.claims?.userinfo ?? [];
      const claims = { ...personClaims(person, { scopes, claims: asked }), sub };
      const algorithm = client.userinfoAlgorithm;
      if (algorithm === null) return { ok: true, claims };
      const signed = { ...claims, iss: issuer, aud: client.id };
      return { ok: true, jwt: await options.signingKeys.sign("id-token", "JWT", signed, algorithm) };
    },
  };
}

export type Userinfo = ReturnType<typeof createUserinfo>;
