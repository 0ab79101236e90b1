import { and, eq } from "drizzle-orm";
import { importJWK, type JWK } from "jose";
import { expect } from "vitest";
import { base64url, utf8 } from "../../src/crypto/bytes.ts";
import { createSeal } from "../../src/crypto/seal.ts";
import { signingKeys } from "../../src/signing-keys/tables.ts";
import { claimsOf, type Grant } from "../../src/tokens/access-token.ts";
import { givenRoute, type Isolate, issuer } from "./given.ts";
import { bearer, givenAccessToken, givenGrant } from "./given-tokens.ts";
import { challengeOf, expectProblem } from "./problem.ts";

const part = (value: unknown): string =>
  base64url(utf8(typeof value === "string" ? value : JSON.stringify(value)));

const parameters = {
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  PS256: { name: "RSA-PSS", saltLength: 32 },
  ES256: { name: "ECDSA", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
  HS256: { name: "HMAC" },
} as const;

/** A compact JWS with any header and payload, texts or values, by any key. */
export async function jwsOf(
  header: unknown,
  payload: unknown,
  key: CryptoKey,
  algorithm: keyof typeof parameters = "RS256",
): Promise<string> {
  const signed = `${part(header)}.${part(payload)}`;
  const signature = await crypto.subtle.sign(parameters[algorithm], key, utf8(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}

/** What only Gatehouse can do: sign anything with its own key, as an attacker's dream of a confused signer. */
export async function givenOwnSigner(isolate: Isolate) {
  await givenAccessToken(isolate);
  const rows = await isolate.rooms.database
    .select()
    .from(signingKeys)
    .where(and(eq(signingKeys.purpose, "access-token"), eq(signingKeys.algorithm, "RS256")));
  const seal = createSeal(isolate.rooms.config.keyEncryptionKeys);
  // Other tests' isolates, under other master keys, leave keys of their own beside it.
  const opened = await Promise.all(
    rows.map(async (each) => ({
      row: each,
      ...(await seal.open(each.privateJwkSealed, `signing-key:${each.kid}`)),
    })),
  );
  const own = opened.find((one) => one.ok);
  if (!own?.ok) throw new Error("the first token makes the first key");
  const { row } = own;
  const key = (await importJWK(JSON.parse(own.plaintext) as JWK, "RS256")) as CryptoKey;
  const header = { alg: "RS256", kid: row.kid, typ: "at+jwt" };
  return {
    kid: row.kid,
    publicJwk: row.publicJwk,
    header,
    sign: (payload: unknown, given: unknown = header) => jwsOf(given, payload, key),
  };
}

/** The claims of a good token, to be spoilt. */
export const goodClaims = (isolate: Isolate, grant: Partial<Grant> = {}) =>
  claimsOf(givenGrant(isolate, grant), { issuer, at: isolate.clock.now(), lifeSeconds: 600 });

/** A route that takes access tokens, and what it answers to one. */
export async function givenTokenRoute(isolate: Isolate, draft: Parameters<typeof givenRoute>[1] = {}) {
  const route = await givenRoute(isolate, { credentials: ["access-token"], ...draft });
  return { ...route, call: (text: string) => isolate.fetch(route.url, bearer(text)) };
}

/** RFC 6750 §3.1: the caller learns that the token is not good, and nothing of why. */
export async function expectInvalidToken(response: Response): Promise<void> {
  await expectProblem(response, 401, "invalid_token");
  expect(challengeOf(response)).toBe('Bearer realm="gatehouse", error="invalid_token"');
}

/** The reasons that audit was told of a route's refusals, each once, in order of the alphabet. */
export async function refusalsOf(isolate: Isolate, route: { readonly id: string }): Promise<string[]> {
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ type: "token.refused", subjectId: route.id, limit: 200 });
  return [...new Set(events.flatMap(({ reason }) => reason ?? []))].sort();
}
