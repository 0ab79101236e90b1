import { expect, test } from "vitest";
import type { PasskeyCreationOptions, PasskeyRequestOptions } from "../../src/mfa/passkey-options.ts";
import { type Isolate, json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { givenStep, proveBy } from "../support/given-factors.ts";
import {
  assertAfter,
  assertAlone,
  givenPasskeyHolder,
  ownAuthenticator,
  signInBy,
} from "../support/given-passkey-holder.ts";
import { givenPerson } from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

/** WA-02, WebAuthn L3 §13.4.3: a challenge is ours, of this use, of this sign-in or session, fresh, and good once. */
async function askedOf<Options extends PasskeyCreationOptions | PasskeyRequestOptions>(
  isolate: Isolate,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Options> {
  const answer = await isolate.fetch(path, json(body, headers));
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { public_key: Options }).public_key;
}

const creationFor = (isolate: Isolate, { access_token }: Pick<Tokens, "access_token">) =>
  askedOf<PasskeyCreationOptions>(isolate, "/auth/mfa/passkeys/challenge", {}, bearerOf(access_token));

const sessionsOf = async ({ rooms }: Isolate, accountId: string) =>
  (await rooms.sessions.list(accountId)).length;

test("WA-02: a challenge that was invented, altered, or made by another Gatehouse or for another use signs nobody in", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const { authenticator } = holder;
  const before = await sessionsOf(isolate, holder.account.id);
  const asked = await askedOf<PasskeyRequestOptions>(isolate, "/auth/mfa/passkey/challenge", {});
  const other = await givenSignInIsolate({
    environment: { KEY_ENCRYPTION_KEYS: "1:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq" },
  });
  const foreign = await other.rooms.mfa.passkeyRequest("native");
  const first = asked.challenge.charAt(0) === "A" ? "B" : "A";
  const bad = [
    "",
    "AAAA",
    "A".repeat(72),
    `${first}${asked.challenge.slice(1)}`,
    `${asked.challenge}A`,
    foreign.challenge,
    asked.challenge.slice(0, 71),
    await isolate.rooms.mfa.freshChallenge(`session:${holder.account.id}`),
    await isolate.rooms.mfa.freshChallenge("browser:abcdefghijklmnopqrstuvwxyz012345"),
  ];
  for (const challenge of bad) {
    const sent = await authenticator.assert({ ...asked, challenge });
    await expectProblem(await signInBy(isolate, sent), 401, "invalid_passkey");
  }
  expect(await sessionsOf(isolate, holder.account.id)).toBe(before);
  expect((await signInBy(isolate, await authenticator.assert(asked))).status).toBe(200);
});

test("WA-02: one answer sent to three isolates at once signs in at one of them, and a made-up second signature changes nothing", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const { clock } = isolate;
  const edges = [isolate, await givenSignInIsolate({ clock }), await givenSignInIsolate({ clock })];
  const asked = await askedOf<PasskeyRequestOptions>(isolate, "/auth/mfa/passkey/challenge", {});
  // Each is signed anew: what is used up is the challenge, not the bytes of an answer to it.
  const answers = await Promise.all(
    edges.map(async (edge) => await signInBy(edge, await holder.authenticator.assert(asked))),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
  expect(await sessionsOf(isolate, holder.account.id)).toBe(2);
});

test("WA-02: a challenge is good to the last millisecond of its five minutes, as a second factor too, and not after", async () => {
  const isolate = await givenSignInIsolate();
  const holder = await givenPasskeyHolder(isolate);
  const inTime = await assertAlone(isolate, holder.authenticator);
  isolate.clock.advance(299_999);
  const late = await assertAlone(isolate, holder.authenticator);
  expect((await signInBy(isolate, inTime)).status).toBe(200);
  isolate.clock.advance(300_000);
  await expectProblem(await signInBy(isolate, late), 401, "invalid_passkey");
  const { mfa_token } = await givenStep(isolate, holder);
  const credential = await assertAfter(isolate, holder.authenticator, mfa_token);
  isolate.clock.advance(300_000);
  const shown = { mfa_token, factor: "passkey", credential };
  await expectProblem(await proveBy(isolate, shown), 401, "mfa_token_invalid");
});

test("WA-02: an answer for one session sets up nothing in another, of the same person or of somebody else, nor twice in its own", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenPerson(isolate);
  const [one, two] = [await givenTokens(isolate, person), await givenTokens(isolate, person)];
  const thief = await givenTokens(isolate, await givenPerson(isolate));
  const add = ({ access_token }: Tokens, sent: object) =>
    isolate.fetch("/auth/mfa/passkeys", json({ credential: sent }, bearerOf(access_token)));
  const asked = await creationFor(isolate, one);
  const credential = await ownAuthenticator().register(asked);
  for (const elsewhere of [two, thief])
    await expectProblem(await add(elsewhere, credential), 400, "passkey_refused");
  const signIn = await askedOf<PasskeyRequestOptions>(isolate, "/auth/mfa/passkey/challenge", {});
  const forSignIn = await ownAuthenticator().register({ ...asked, challenge: signIn.challenge });
  await expectProblem(await add(one, forSignIn), 400, "passkey_refused");
  expect(await isolate.rooms.mfa.list(person.account.id)).toEqual([]);
  const both = await Promise.all([add(one, credential), add(one, await ownAuthenticator().register(asked))]);
  expect(both.map(({ status }) => status).sort()).not.toEqual([201, 201]);
  expect(await isolate.rooms.mfa.list(person.account.id)).toHaveLength(1);
});
