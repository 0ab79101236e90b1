import Argon2 from "@phi-ag/argon2";
import { expect, vi } from "vitest";
import type { PasskeyCreationOptions } from "../../src/mfa/passkey-options.ts";
import type { Authenticator, RegisterDeviations } from "./authenticator.ts";
import { type Isolate, json } from "./given.ts";
import type { FactorDue } from "./given-factors.ts";
import { ownAuthenticator } from "./given-passkey-holder.ts";
import { freshAddress, linkTo } from "./given-people.ts";
import type { Tokens } from "./given-sessions.ts";

/** How many passwords are hashed meanwhile, for whomever: the function that costs the time is counted. */
export async function hashesIn(isolate: Isolate, play: () => Promise<unknown>): Promise<number> {
  const hash = vi.spyOn(Argon2.prototype, "hash");
  try {
    await play();
    await isolate.settle();
    return hash.mock.calls.length;
  } finally {
    hash.mockRestore();
  }
}

export const registerWithout = (isolate: Isolate, email: string): Promise<Response> =>
  isolate.fetch("/auth/register", json({ email }));

/** The link of the newest mail, used; what the application is told. */
export async function useLink(isolate: Isolate, email: string, path: string): Promise<FactorDue> {
  const { link } = await linkTo(isolate, email);
  const answer = await isolate.fetch(path, json({ link, refresh_in_body: true }));
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []]);
  return (await answer.json()) as FactorDue;
}

/** Registered and confirmed; no passkey yet. */
export async function givenConfirmed(isolate: Isolate, email = freshAddress()) {
  expect((await registerWithout(isolate, email)).status).toBe(202);
  const due = await useLink(isolate, email, "/auth/verify-email");
  await isolate.settle();
  return { email, due };
}

/** Asked for by anybody; what the mail's reader is told. */
export async function recoverByMail(isolate: Isolate, email: string): Promise<FactorDue> {
  expect((await isolate.fetch("/auth/password/recover", json({ email }))).status).toBe(202);
  const due = await useLink(isolate, email, "/auth/mfa/recover");
  await isolate.settle();
  return due;
}

export async function passkeyFor(
  isolate: Isolate,
  mfa_token: string,
  authenticator: Authenticator,
  more: RegisterDeviations = {},
) {
  const asked = await isolate.fetch("/auth/mfa/passkeys/challenge", json({ mfa_token }));
  expect(asked.status).toBe(200);
  const { public_key } = (await asked.json()) as { public_key: PasskeyCreationOptions };
  return { options: public_key, credential: await authenticator.register(public_key, more) };
}

/** Sets up the passkey that a step waits for. */
export async function enrolBy(
  isolate: Isolate,
  mfa_token: string,
  authenticator: Authenticator,
  more: RegisterDeviations = {},
): Promise<Response> {
  const { credential } = await passkeyFor(isolate, mfa_token, authenticator, more);
  return await isolate.fetch("/auth/mfa/passkeys", json({ mfa_token, credential }));
}

/** Somebody without a password, with one passkey, signed in by having set it up. */
export async function givenPasskeyOnly(isolate: Isolate) {
  const { email, due } = await givenConfirmed(isolate);
  const authenticator = ownAuthenticator();
  const answer = await enrolBy(isolate, due.mfa_token, authenticator);
  expect(answer.status).toBe(200);
  const tokens = (await answer.json()) as Tokens;
  await isolate.settle();
  const [account] = await isolate.rooms.accounts.list({ email, limit: 1 });
  if (!account) throw new Error("nobody has this address");
  return { email, account, authenticator, tokens };
}
