import { expect, test, vi } from "vitest";
import { type EventReason, type EventType, eventTypes, type SecurityEvent } from "../../src/audit/events.ts";
import { leaveSeconds, rotation, seenSeconds } from "../../src/signing-keys/schedule.ts";
import { type Isolate, json } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { givenRecoveryCodes } from "../support/given-factors.ts";
import { givenOwnSigner, givenTokenRoute, goodClaims, jwsOf } from "../support/given-jws.ts";
import { ownAuthenticator } from "../support/given-passkey-holder.ts";
import {
  asOperator,
  freshAddress,
  givenPerson,
  linkTo,
  mailFault,
  mailsTo,
  otherPassword,
} from "../support/given-people.ts";
import { bearerOf, givenSignedInPerson, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { givenOwnKeys } from "../support/given-signing-keys.ts";
import { givenAccessToken } from "../support/given-tokens.ts";
import { enrolBy, givenPasskeyOnly, recoverByMail } from "../support/given-without-password.ts";
import { reasonsOfPeople } from "./reasons-of-people.ts";

type Pair = `${EventType} ${EventReason | "-"}`;
type Scene = {
  readonly what: string;
  /** Every event of people that the scene must leave, and no other refusal. */
  readonly events: readonly Pair[];
  readonly play: (isolate: Isolate) => Promise<unknown>;
};

const isOfPeople = (type: EventType): boolean =>
  /^(account|session|sign_in|refresh|token|message)\./.test(type);
const post = (isolate: Isolate, path: string, body: object, headers: Record<string, string> = {}) =>
  isolate.fetch(path, json(body, headers));
type Signer = Awaited<ReturnType<typeof givenOwnSigner>>;

/** A token that is wrong in one way, shown at a gateway. */
const tokenScene = (
  reason: EventReason,
  make: (isolate: Isolate, own: Signer) => Promise<string>,
): Scene => ({
  what: `a token refused as ${reason}`,
  events: [`token.refused ${reason}`],
  play: async (isolate) => {
    const route = await givenTokenRoute(isolate);
    const text = await make(isolate, await givenOwnSigner(isolate));
    expect((await route.call(text)).status).toBe(401);
  },
});

const tokenScenes: Scene[] = [
  tokenScene("malformed", () => Promise.resolve("a.b.c")),
  tokenScene("wrong_issuer", (isolate, own) =>
    own.sign({ ...goodClaims(isolate), iss: "https://other.example" }),
  ),
  tokenScene("wrong_type", (isolate, own) => own.sign(goodClaims(isolate), { ...own.header, typ: "JWT" })),
  tokenScene("wrong_algorithm", (isolate, own) =>
    own.sign(goodClaims(isolate), { ...own.header, alg: "ES256" }),
  ),
  tokenScene("unknown_key", (isolate, own) =>
    own.sign(goodClaims(isolate), { ...own.header, kid: "A".repeat(43) }),
  ),
  tokenScene("not_yet_valid", (isolate, own) => {
    const claims = goodClaims(isolate);
    return own.sign({ ...claims, iat: claims.iat + 120, exp: claims.exp + 120 });
  }),
  tokenScene("expired", (isolate, own) => {
    const claims = goodClaims(isolate);
    return own.sign({ ...claims, iat: claims.iat - 700, exp: claims.exp - 700 });
  }),
  tokenScene("wrong_audience", async (isolate) => {
    return (await givenAccessToken(isolate, { audience: "https://api.example" })).accessToken;
  }),
  tokenScene("bad_signature", async (isolate, own) => {
    const pair = await crypto.subtle.generateKey(
      {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: "SHA-256",
      },
      true,
      ["sign", "verify"],
    );
    return await jwsOf(own.header, goodClaims(isolate), (pair as CryptoKeyPair).privateKey);
  }),
];

const scenes: Scene[] = [
  {
    what: "registering, confirming, signing in",
    events: ["account.created by_person", "session.began -"],
    play: async (isolate) => {
      const [email, password] = [freshAddress(), otherPassword];
      await post(isolate, "/auth/register", { email, password });
      const { link } = await linkTo(isolate, email);
      await post(isolate, "/auth/verify-email", { link });
      await post(isolate, "/auth/login", { email, password });
    },
  },
  {
    what: "a wrong password, an unknown address, a disabled account, a guess too many",
    events: [
      "sign_in.refused wrong_password",
      "sign_in.refused unknown_account",
      "account.disabled by_operator",
      "account.enabled by_operator",
      "sign_in.refused account_disabled",
      "sign_in.refused over_limit",
    ],
    play: async (isolate) => {
      const { email, password, account } = await givenPerson(isolate);
      await post(isolate, "/auth/login", { email: freshAddress(), password });
      await isolate.rooms.accounts.disable(account.id, asOperator(isolate));
      await post(isolate, "/auth/login", { email, password });
      await isolate.settle();
      await isolate.rooms.accounts.enable(account.id, asOperator(isolate));
      for (let time = 0; time < 6; time += 1)
        await post(isolate, "/auth/login", { email, password: otherPassword });
    },
  },
  {
    what: "signing out, in a browser that signs in anew, and everywhere",
    events: [
      "session.began -",
      "session.ended signed_out",
      "session.ended superseded",
      "session.ended signed_out_everywhere",
    ],
    play: async (isolate) => {
      const person = await givenSignedInPerson(isolate);
      await post(isolate, "/auth/logout", { refresh_token: person.refresh_token });
      const { email, password } = person;
      const first = await post(isolate, "/auth/login", { email, password });
      const cookie = first.headers
        .getSetCookie()
        .map((line) => line.split(";")[0])
        .join("; ");
      const second = await post(isolate, "/auth/login", { email, password }, { cookie });
      const { access_token } = (await second.json()) as { access_token: string };
      await post(isolate, "/auth/logout-everywhere", {}, bearerOf(access_token));
    },
  },
  {
    what: "what an owner does to sessions, password, address and account",
    events: [
      "session.began -",
      "session.ended by_person",
      "account.password_changed by_person",
      "account.address_changed by_person",
      "account.deleted by_person",
    ],
    play: async (isolate) => {
      const person = await givenSignedInPerson(isolate);
      await givenTokens(isolate, person);
      const mine = bearerOf(person.access_token);
      await post(isolate, "/auth/sessions/end-others", {}, mine);
      const passwords = { current_password: person.password, new_password: otherPassword };
      expect((await post(isolate, "/auth/password/change", passwords, mine)).status).toBe(204);
      const email = freshAddress();
      await post(isolate, "/auth/email/change", { email, password: otherPassword }, mine);
      const { link } = await linkTo(isolate, email);
      expect((await post(isolate, "/auth/verify-email", { link })).status).toBe(204);
      const again = await givenTokens(isolate, { email, password: otherPassword });
      const gone = json({ password: otherPassword }, bearerOf(again.access_token));
      expect((await isolate.fetch("/auth/account", { ...gone, method: "DELETE" })).status).toBe(204);
    },
  },
  {
    what: "a recovery",
    events: [
      "account.recovery_requested -",
      "account.password_changed by_recovery",
      "session.ended by_recovery",
    ],
    play: async (isolate) => {
      const { email } = await givenSignedInPerson(isolate);
      await post(isolate, "/auth/password/recover", { email });
      const { link } = await linkTo(isolate, email);
      await post(isolate, "/auth/password/reset", { link, new_password: otherPassword });
    },
  },
  {
    what: "an account without a password: opened by mail, given a password, and rid of it",
    events: [
      "account.opened_by_mail by_recovery",
      "account.password_added by_person",
      "account.password_removed by_person",
    ],
    play: async (isolate) => {
      const { email } = await givenPasskeyOnly(isolate);
      const { mfa_token } = await recoverByMail(isolate, email);
      const tokens = (await (await enrolBy(isolate, mfa_token, ownAuthenticator())).json()) as Tokens;
      const mine = bearerOf(tokens.access_token);
      await givenRecoveryCodes(isolate, tokens);
      await post(isolate, "/auth/password/add", { new_password: otherPassword }, mine);
      expect((await post(isolate, "/auth/password/remove", {}, mine)).status).toBe(204);
    },
  },
  {
    what: "what an operator does to an account and its tokens",
    events: [
      "account.created by_operator",
      "account.scopes_changed by_operator",
      "session.ended by_operator",
      "token.revoked by_operator",
      "token.refused revoked",
      "account.deleted by_operator",
    ],
    play: async (isolate) => {
      const { account, ...tokens } = await givenSignedInPerson(isolate);
      const operator = asOperator(isolate);
      const { jti } = await givenAccessToken(isolate);
      await isolate.rooms.accounts.setScopes(account.id, ["a"], operator);
      await isolate.rooms.refreshTokens.revokeToken(jti, null, operator);
      await isolate.rooms.sessions.endAll(account.id, "by_operator", operator);
      await isolate.fetch("/auth/account", { headers: bearerOf(tokens.access_token) });
      await isolate.rooms.accounts.remove(account.id, null, operator);
    },
  },
  {
    what: "a replay, and a refresh token of nobody's",
    events: ["refresh.replayed replayed", "session.ended replayed", "token.refused forged"],
    play: async (isolate) => {
      const { refresh_token } = await givenSignedInPerson(isolate);
      const last = refresh_token.endsWith("A") ? "B" : "A";
      await post(isolate, "/auth/refresh", { refresh_token: refresh_token.slice(0, -1) + last });
      for (let time = 0; time < 2; time += 1) {
        await post(isolate, "/auth/refresh", { refresh_token });
        isolate.clock.advance(10_001);
      }
    },
  },
  {
    what: "another site's page",
    events: ["access.refused cross_site"],
    play: (isolate) => post(isolate, "/auth/login", {}, { origin: "https://evil.example" }),
  },
  {
    what: "a mail that the provider refuses",
    events: ["message.failed malformed"],
    play: async (isolate) => {
      const email = freshAddress();
      await mailFault(isolate, [{ kind: "status", status: 422 }]);
      await post(isolate, "/auth/register", { email, password: otherPassword });
      expect(await mailsTo(isolate, email)).toEqual([]);
    },
  },
  ...tokenScenes,
];

async function recordedIn(isolate: Isolate, play: () => Promise<unknown>): Promise<Pair[]> {
  const record = vi.spyOn(isolate.rooms.audit, "record");
  await play();
  await isolate.settle();
  const events = record.mock.calls.map(([event]) => event as SecurityEvent);
  record.mockRestore();
  // None tells an address, a password or a secret: a party is a kind and an id of ours.
  expect(JSON.stringify(events)).not.toMatch(/@|eyJ|"gr_|"gs_|kettles|otter/);
  return events.map(({ type, reason }): Pair => `${type} ${reason ?? "-"}`);
}

test.each(scenes)("$what is on record with its reason", async ({ events, play }) => {
  const isolate = await givenSignInIsolate({ environment: { REVOCATION_BOUND_SECONDS: "0" } });
  const seen = await recordedIn(isolate, () => play(isolate));
  expect(seen).toEqual(expect.arrayContaining([...events]));
});

test("sessions that a change ends are on record with the change", async () => {
  const isolate = await givenSignInIsolate();
  const ends = [
    ["account_disabled", (id: string) => isolate.rooms.accounts.disable(id, asOperator(isolate))],
    ["by_operator", (id: string) => isolate.rooms.accounts.remove(id, null, asOperator(isolate))],
  ] as const;
  for (const [reason, end] of ends) {
    const person = await givenSignedInPerson(isolate);
    const seen = await recordedIn(isolate, () => end(person.account.id));
    expect(seen).toContain(`session.ended ${reason}`);
  }
  const changed = await givenSignedInPerson(isolate);
  await givenTokens(isolate, changed);
  const passwords = { current_password: changed.password, new_password: otherPassword };
  const seen = await recordedIn(isolate, () =>
    post(isolate, "/auth/password/change", passwords, bearerOf(changed.access_token)),
  );
  expect(seen.filter((one) => one.startsWith("session."))).toEqual(["session.ended password_changed"]);
  const email = freshAddress();
  await post(
    isolate,
    "/auth/email/change",
    { email, password: otherPassword },
    bearerOf(changed.access_token),
  );
  const { link } = await linkTo(isolate, email);
  expect(await recordedIn(isolate, () => post(isolate, "/auth/verify-email", { link }))).toContain(
    "session.ended address_changed",
  );
});

test("a password of an older pepper is kept anew at sign-in, and that is on record; so is a signing key that is over by schedule", async () => {
  const secret = (letter: string) => `${letter.repeat(20)}ABCDEFGHIJKLMNOPQRSTUVW`;
  const pepper = (text: string) => ({ environment: { PASSWORD_PEPPERS: text } });
  const before = await givenSignInIsolate(pepper(`1:${secret("a")}`));
  const { email, password } = await givenPerson(before);
  const after = await givenSignInIsolate(pepper(`2:${secret("b")},1:${secret("a")}`));
  const seen = await recordedIn(after, () => post(after, "/auth/login", { email, password }));
  expect(seen.sort()).toEqual(["account.password_upgraded -", "session.began -"]);

  const { first, tick, clock } = await givenOwnKeys();
  await tick();
  clock.advance((rotation.periodSeconds + leaveSeconds + seenSeconds) * 1000);
  expect(await recordedIn(first, () => tick())).toContain("signing_key.retired by_schedule");
});

test("no type and no reason of people is without its cause above", () => {
  const elsewhere: Pair[] = [
    "account.password_upgraded -",
    "signing_key.retired by_schedule",
    "session.ended account_disabled",
    "session.ended password_changed",
    "session.ended address_changed",
    // In test/oauth/vouched-tokens.test.ts.
    "token.issued -",
  ];
  const pairs = [...scenes.flatMap(({ events }) => events), ...elsewhere].map((pair) => pair.split(" "));
  const types = new Set(pairs.map(([type]) => type));
  expect(eventTypes.filter(isOfPeople).filter((type) => !types.has(type))).toEqual([]);
  const reasons = new Set(pairs.map(([, reason]) => reason));
  expect(reasonsOfPeople.filter((reason) => !reasons.has(reason))).toEqual([]);
});
