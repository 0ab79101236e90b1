import { expect } from "vitest";
import type { PasskeyCreationOptions, PasskeyRequestOptions } from "../../src/mfa/passkey-options.ts";
import {
  type Authenticator,
  createAuthenticator,
  type Deviations,
  type RegisterDeviations,
} from "./authenticator.ts";
import { type Isolate, issuer, json } from "./given.ts";
import type { Person } from "./given-factors.ts";
import { givenPerson } from "./given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "./given-sessions.ts";

export const ownAuthenticator = (): Authenticator =>
  createAuthenticator({ rpId: new URL(issuer).hostname, origin: issuer });

/** Adds a passkey over the wire; what the Worker answered. */
export async function addPasskey(
  isolate: Isolate,
  tokens: Pick<Tokens, "access_token">,
  authenticator: Authenticator,
  more: RegisterDeviations & { name?: string } = {},
): Promise<Response> {
  const headers = bearerOf(tokens.access_token);
  const asked = await isolate.fetch("/auth/mfa/passkeys/challenge", json({}, headers));
  expect(asked.status).toBe(200);
  const { public_key } = (await asked.json()) as { public_key: PasskeyCreationOptions };
  const credential = await authenticator.register(public_key, more);
  return await isolate.fetch("/auth/mfa/passkeys", json({ credential, name: more.name ?? "" }, headers));
}

/** Somebody with one passkey. */
export async function givenPasskeyHolder(isolate: Isolate, more: RegisterDeviations = {}, person?: Person) {
  const who = person ?? (await givenPerson(isolate));
  const authenticator = ownAuthenticator();
  const tokens = await givenTokens(isolate, who);
  const added = await addPasskey(isolate, tokens, authenticator, more);
  expect(added.status).toBe(201);
  await isolate.settle();
  const { id } = (await added.json()) as { id: string };
  return { ...who, authenticator, tokens, passkeyId: id };
}

/** What a browser sends to sign in by a passkey alone. */
export async function assertAlone(isolate: Isolate, authenticator: Authenticator, more: Deviations = {}) {
  const asked = await isolate.fetch("/auth/mfa/passkey/challenge", json({}));
  expect(asked.status).toBe(200);
  const { public_key } = (await asked.json()) as { public_key: PasskeyRequestOptions };
  expect(public_key.allowCredentials).toEqual([]);
  return await authenticator.assert(public_key, more);
}

export const signInBy = (isolate: Isolate, credential: object): Promise<Response> =>
  isolate.fetch("/auth/mfa/passkey/sign-in", json({ credential, refresh_in_body: true }));

/** What a browser sends as a second factor. */
export async function assertAfter(
  isolate: Isolate,
  authenticator: Authenticator,
  mfa_token: string,
  more: Deviations = {},
) {
  const asked = await isolate.fetch("/auth/mfa/passkey/challenge", json({ mfa_token }));
  expect(asked.status).toBe(200);
  const { public_key } = (await asked.json()) as { public_key: PasskeyRequestOptions };
  return await authenticator.assert(public_key, more);
}
