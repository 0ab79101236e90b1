import { expect } from "vitest";
import type { SignIn } from "../../src/sessions/sessions.ts";
import { type Isolate, json } from "./given.ts";
import { asPerson, givenPerson } from "./given-people.ts";

export const givenDevice = {
  userAgent: "given/1.0",
  address: "192.0.2.7",
  city: "Berlin",
  country: "DE",
} as const;

/** A proof that was accepted a moment ago: what the room of sessions is asked to begin with. */
export const proofOf = (account: SignIn["account"], more: Partial<SignIn> = {}): SignIn => ({
  account,
  acr: "one-factor",
  amr: ["pwd"],
  kind: "browser",
  device: givenDevice,
  previousCookie: null,
  ...more,
});

export const beginAt = (
  isolate: Isolate,
  account: SignIn["account"] & { id: string },
  more?: Partial<SignIn>,
) => isolate.rooms.sessions.begin(proofOf(account, more), asPerson(isolate, account.id));

/** A session that must have begun. */
export async function givenSession(isolate: Isolate, account: SignIn["account"], more?: Partial<SignIn>) {
  const began = await beginAt(isolate, account, more);
  if (!began) throw new Error("the session did not begin");
  return { ...began, cookie: began.cookie ?? "" };
}

export type Tokens = {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly session_id: string;
  readonly refresh_token: string;
};

export const bearerOf = (token: string) => ({ authorization: `Bearer ${token}` });

/** A native application in which this person signed in. */
export async function givenTokens(
  isolate: Isolate,
  person: { readonly email: string; readonly password: string },
): Promise<Tokens> {
  const { email, password } = person;
  const answer = await isolate.fetch("/auth/login", json({ email, password, refresh_in_body: true }));
  expect(answer.status).toBe(200);
  await isolate.settle();
  return (await answer.json()) as Tokens;
}

/** The same with a person of its own. */
export async function givenSignedInPerson(isolate: Isolate) {
  const person = await givenPerson(isolate);
  return { ...person, ...(await givenTokens(isolate, person)) };
}
