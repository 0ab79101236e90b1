import { sql } from "drizzle-orm";
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { type Isolate, json } from "../support/given.ts";
import { expectSeeOther, givenBrowser, sessionCookie } from "../support/given-browser.ts";
import { givenAppHolder, givenHalfSignedIn } from "../support/given-factor-pages.ts";
import {
  codeOf,
  type FactorDue,
  givenRecoveryCodes,
  givenTotp,
  givenTwoFactorTokens,
  proveBy,
  wrongCodeOf,
} from "../support/given-factors.ts";
import { addPasskey, ownAuthenticator } from "../support/given-passkey-holder.ts";
import { asOperator, asPerson, givenPerson, linkTo, mailsTo } from "../support/given-people.ts";
import {
  firefox,
  givenRemembered,
  givenRemembering,
  passwordIn,
  proveIn,
  rememberedCookie,
} from "../support/given-remembered.ts";
import { bearerOf, beginAt, type Tokens } from "../support/given-sessions.ts";
import { expectProblem } from "../support/problem.ts";

type Devices = { data: { id: string; name: string; last_used_at: string | null; expires_at: string }[] };

async function devicesOf(
  isolate: Isolate,
  { access_token }: Pick<Tokens, "access_token">,
): Promise<Devices["data"]> {
  const answer = await isolate.fetch("/auth/mfa/devices", { headers: bearerOf(access_token) });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as Devices).data;
}
const tokensOf = ({ body }: { body: Partial<Tokens> }) => ({ access_token: body.access_token ?? "" });
const setsRemembered = (answer: Response): string[] =>
  answer.headers.getSetCookie().filter((line) => line.startsWith(rememberedCookie));

test("off by policy: no device is offered to be remembered, and who asks for it all the same is not", async () => {
  const isolate = await givenRemembering({ environment: { REMEMBER_DEVICES_DAYS: "" } });
  const person = await givenTotp(isolate);
  const browser = givenBrowser(isolate);
  expect((await passwordIn(browser, person)).body).toEqual({
    mfa_required: true,
    mfa_token: expect.any(String),
    factors: ["totp", "recovery-codes"],
  });
  const { answer, body } = await proveIn(isolate, browser, person);
  expect([body.device_remembered, setsRemembered(answer)]).toEqual([undefined, []]);
  expect(await devicesOf(isolate, body)).toEqual([]);
  expect((await passwordIn(browser, person)).body.mfa_required).toBe(true);
});

test("a remembered browser is let in by the password alone, and its tokens claim no more than that; its owner sees it and was told", async () => {
  const isolate = await givenRemembering();
  const person = await givenTotp(isolate);
  const { browser, answer } = await givenRemembered(isolate, person);
  expect(setsRemembered(answer)).toEqual([
    expect.stringMatching(
      /^__Host-gatehouse-remembered=gt_[\w]+; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=2592000$/,
    ),
  ]);
  expect((await mailsTo(isolate, person.email)).map(({ subject }) => subject)).toContainEqual(
    expect.stringContaining("A device was remembered"),
  );
  isolate.clock.advance(86_400_000);
  const { body, answer: spared } = await passwordIn(browser, person);
  expect(decodeJwt(body.access_token ?? "")).toMatchObject({ acr: "one-factor", amr: ["pwd"] });
  expect(setsRemembered(spared)).toEqual([]);
  const tokens = body as Tokens;
  const [device, ...more] = await devicesOf(isolate, tokens);
  expect(more).toEqual([]);
  expect(device).toMatchObject({ id: expect.stringMatching(/^dev_/), name: "Firefox on Windows" });
  expect(device?.last_used_at).toBe(new Date(isolate.clock.now()).toISOString());
  // Only a hash is kept.
  const secret = browser.cookies.get(rememberedCookie) ?? "";
  const { rows } = await isolate.rooms.database.execute(
    sql`select * from remembered_devices where account_id = ${person.account.id}`,
  );
  expect(JSON.stringify(rows)).not.toContain(secret.slice(-54));

  // Step-up asks, and what needs a fresh factor is not to be had.
  const headers = bearerOf(tokens.access_token);
  const raise = await browser.send("/auth/mfa/step-up", json({}, headers));
  expect(await raise.json()).toEqual({
    mfa_required: true,
    mfa_token: expect.any(String),
    factors: ["totp", "recovery-codes"],
  });
  const change = await isolate.fetch("/auth/mfa/totp", json({}, headers));
  await expectProblem(change, 401, "insufficient_user_authentication");
});

test("only a factor that was proved at a browser's sign-in remembers it: no recovery code, no native application, no step-up", async () => {
  const isolate = await givenRemembering();
  const person = await givenTotp(isolate);
  const codes = await givenRecoveryCodes(isolate, await givenTwoFactorTokens(isolate, person));
  const remember_device = true;
  const prove = async (step: Partial<FactorDue>, proof: object, browser = givenBrowser(isolate)) => {
    const sent = { mfa_token: step.mfa_token, ...proof, remember_device };
    const answer = await browser.send("/auth/mfa/verify", json(sent, firefox));
    expect(answer.status).toBe(200);
    expect(setsRemembered(answer)).toEqual([]);
    const body = (await answer.json()) as Tokens;
    expect(body).not.toHaveProperty("device_remembered");
    await isolate.settle();
    isolate.clock.advance(60_000);
    return body;
  };
  const app = () => ({ factor: "totp", code: codeOf(isolate, person.secret) });
  const asked = await passwordIn(givenBrowser(isolate), person);
  expect(asked.body).toMatchObject({ remember_device_days: 30 });
  await prove(asked.body, { factor: "recovery-codes", code: codes[0] });
  const { email, password } = person;
  const native = await isolate.fetch("/auth/login", json({ email, password, refresh_in_body: true }));
  const due = (await native.json()) as FactorDue;
  expect(due).not.toHaveProperty("remember_device_days");
  const tokens = await prove(due, app());
  const raise = await isolate.fetch("/auth/mfa/step-up", json({}, bearerOf(tokens.access_token)));
  const raised = await prove((await raise.json()) as FactorDue, app());
  expect(await devicesOf(isolate, raised)).toEqual([]);
});

test("a cookie that was stolen, forged, copied into a native application or is thirty days old spares nothing, and is answered as if it were none", async () => {
  const isolate = await givenRemembering();
  const person = await givenTotp(isolate);
  const thief = await givenTotp(isolate);
  const { browser, tokens } = await givenRemembered(isolate, person);
  const cookie = browser.cookies.get(rememberedCookie) ?? "";
  const keysOf = async (answer: Response): Promise<string[]> =>
    Object.keys((await answer.json()) as object).sort();
  const loginWith = (text: string, who: { email: string; password: string }, more = {}) =>
    isolate.fetch(
      "/auth/login",
      json({ email: who.email, password: who.password, ...more }, { cookie: `${rememberedCookie}=${text}` }),
    );
  const plain = await keysOf((await passwordIn(givenBrowser(isolate), person)).answer);
  const [, , device = "", , account = ""] = cookie.split("_");
  const flipped = cookie.slice(0, -1) + (cookie.endsWith("A") ? "B" : "A");
  const ofThief = cookie.replace(account, thief.account.id.slice(4));
  for (const [text, who] of [
    [cookie, thief],
    [ofThief, thief],
    [flipped, person],
    [cookie.replace(device, "A".repeat(22)), person],
    [`${cookie}x`, person],
    ["", person],
  ] as const) {
    await isolate.settle();
    await isolate.forgetCalls();
    const answer = await loginWith(text, who);
    expect([await keysOf(answer), answer.headers.getSetCookie()]).toEqual([plain, []]);
    // Not a call more than without.
    expect((await isolate.calls()).postgres).toBe(1);
  }
  const path = `/auth/mfa/devices/dev_${device}`;
  const headers = bearerOf(thief.tokens.access_token);
  await expectProblem(await isolate.fetch(path, { method: "DELETE", headers }), 404, "not_found");
  expect((await isolate.fetch("/auth/mfa/devices", { method: "DELETE", headers })).status).toBe(204);
  const native = await loginWith(cookie, person, { refresh_in_body: true });
  expect(await native.json()).toMatchObject({ mfa_required: true });
  expect(await devicesOf(isolate, tokens)).toMatchObject([{ last_used_at: null }]);
  isolate.clock.advance(30 * 86_400_000 + 1);
  expect(await (await loginWith(cookie, person)).json()).toMatchObject({ mfa_required: true });
});

/** What its owner, an operator or a thief's victim does, each time to a device that was remembered anew. */
const causes: readonly (readonly [
  string,
  (given: {
    isolate: Isolate;
    person: Awaited<ReturnType<typeof givenTotp>>;
    headers: Record<string, string>;
    tokens: Tokens;
  }) => Promise<unknown>,
])[] = [
  [
    "it is forgotten by its id",
    async ({ isolate, headers, tokens }) => {
      const [device] = await devicesOf(isolate, tokens);
      const path = `/auth/mfa/devices/${device?.id}`;
      expect((await isolate.fetch(path, { method: "DELETE", headers })).status).toBe(204);
      await expectProblem(await isolate.fetch(path, { method: "DELETE", headers }), 404, "not_found");
    },
  ],
  [
    "all are forgotten",
    async ({ isolate, headers }) =>
      expect((await isolate.fetch("/auth/mfa/devices", { method: "DELETE", headers })).status).toBe(204),
  ],
  ["recovery codes are made", ({ isolate, tokens }) => givenRecoveryCodes(isolate, tokens)],
  [
    "a passkey is added, and removed",
    async ({ isolate, headers, tokens }) => {
      const added = await addPasskey(isolate, tokens, ownAuthenticator());
      expect(added.status).toBe(201);
      const { id } = (await added.json()) as { id: string };
      const removed = await isolate.fetch(`/auth/mfa/factors/${id}`, { method: "DELETE", headers });
      expect(removed.status).toBe(204);
    },
  ],
  [
    "the account is disabled for a while",
    async ({ isolate, person: { account } }) => {
      await isolate.rooms.accounts.disable(account.id, asOperator(isolate));
      await isolate.rooms.accounts.enable(account.id, asOperator(isolate));
    },
  ],
  [
    "it is signed out everywhere",
    async ({ isolate, headers }) =>
      expect((await isolate.fetch("/auth/logout-everywhere", json({}, headers))).status).toBe(204),
  ],
  [
    "the password is changed, to the same one even",
    async ({ isolate, person: { account, password } }) => {
      const passwords = { current: password, next: password };
      const changed = await isolate.rooms.accounts.changePassword(
        account.id,
        passwords,
        null,
        asPerson(isolate, account.id),
      );
      expect(changed.ok).toBe(true);
    },
  ],
  [
    "the password is recovered by mail",
    async ({ isolate, person: { email, password } }) => {
      await isolate.fetch("/auth/password/recover", json({ email }));
      const { link } = await linkTo(isolate, email);
      const answer = await isolate.fetch("/auth/password/reset", json({ link, new_password: password }));
      expect(answer.status).toBe(204);
    },
  ],
];

test(`a remembered browser is asked again, and its cookie taken out, after: ${causes.map(([cause]) => cause).join("; ")}`, async () => {
  const isolate = await givenRemembering();
  const person = await givenTotp(isolate);
  for (const [cause, forget] of causes) {
    const { browser, tokens } = await givenRemembered(isolate, person);
    const held = browser.cookies.get(rememberedCookie) ?? "";
    expect(await isolate.rooms.mfa.remembered.list(person.account.id), cause).toHaveLength(1);
    await forget({ isolate, person, tokens, headers: bearerOf(tokens.access_token) });
    await isolate.settle();
    expect(await isolate.rooms.mfa.remembered.list(person.account.id), cause).toEqual([]);
    const { body, answer } = await passwordIn(browser, person);
    expect([body.mfa_required, body.factors], cause).toEqual([true, ["totp", "recovery-codes"]]);
    expect(setsRemembered(answer), cause).toEqual([expect.stringMatching(/Max-Age=0$/)]);
    // Nor when it is shown again.
    browser.cookies.set(rememberedCookie, held);
    expect((await passwordIn(browser, person)).body.mfa_required, cause).toBe(true);
  }
});

test("factors that an operator resets, and an account that is deleted, leave no row of a device behind", async () => {
  const isolate = await givenRemembering();
  const rowsOf = async (accountId: string): Promise<number> => {
    await isolate.settle();
    const { rows } = await isolate.rooms.database.execute(
      sql`select id from remembered_devices where account_id = ${accountId}`,
    );
    return rows.length;
  };
  const [reset, deleted] = [await givenTotp(isolate), await givenTotp(isolate)];
  for (const person of [reset, deleted]) {
    await givenRemembered(isolate, person);
    expect(await rowsOf(person.account.id)).toBe(1);
  }
  await isolate.rooms.mfa.removeAll(reset.account.id, asOperator(isolate));
  await isolate.rooms.accounts.remove(deleted.account.id, null, asOperator(isolate));
  expect([await rowsOf(reset.account.id), await rowsOf(deleted.account.id)]).toEqual([0, 0]);
});

test("raced: a device that is forgotten while its sign-in is under way begins no session; nor does an account that changed keep one", async () => {
  const isolate = await givenRemembering();
  const person = await givenTotp(isolate);
  const { browser } = await givenRemembered(isolate, person);
  const { remembered } = isolate.rooms.mfa;
  const operator = asPerson(isolate, person.account.id);
  const account = await isolate.rooms.accounts.get(person.account.id);
  const cookie = browser.cookies.get(rememberedCookie);
  const proof = (await remembered.proofOf(cookie, account)) ?? [];
  expect(proof).toHaveLength(1);
  // Two of its tabs at once are both let in; the other account's version is not.
  const both = await Promise.all([
    beginAt(isolate, account, { proof }),
    beginAt(isolate, account, { proof }),
  ]);
  expect(both.every((began) => began !== null)).toBe(true);
  await remembered.forgetAll(account.id, operator);
  expect(await beginAt(isolate, account, { proof })).toBeNull();

  const { steps } = await remembered.make(account, "A phone", null);
  const shown = [{ name: "proof", step: sql`select 1 as id` }, ...steps];
  await isolate.rooms.sessions.endAll(account.id, "signed_out_everywhere", operator);
  expect(await beginAt(isolate, account, { proof: shown })).toBeNull();
  expect(await remembered.list(account.id)).toEqual([]);
});

test("an account keeps twenty devices: past that the oldest is forgotten; a browser that is remembered again is there once", async () => {
  const isolate = await givenRemembering();
  const { account } = await givenPerson(isolate);
  const { remembered } = isolate.rooms.mfa;
  const remember = async (name: string, earlier: string | null) => {
    const { steps, cookie } = await remembered.make(account, name, earlier);
    const proof = [{ name: "proof", step: sql`select 1 as id` }, ...steps];
    expect(await beginAt(isolate, account, { proof })).not.toBeNull();
    isolate.clock.advance(1000);
    return cookie;
  };
  for (let number = 1; number <= 21; number += 1) await remember(`Phone ${number}`, null);
  const names = async () => (await remembered.list(account.id)).map(({ name }) => name);
  expect(await names()).toEqual(Array.from({ length: 20 }, (_, index) => `Phone ${21 - index}`));
  const tablet = await remember("Tablet", null);
  await remember("Tablet again", tablet);
  expect((await names()).slice(0, 3)).toEqual(["Tablet again", "Phone 21", "Phone 20"]);
});

test("where two factors are demanded a remembered device is none, and none is offered; where the policy is off or shorter, those of before do not count", async () => {
  const isolate = await givenRemembering();
  const { clock } = isolate;
  const person = await givenTotp(isolate);
  const { browser } = await givenRemembered(isolate, person);
  const cookie = browser.cookies.get(rememberedCookie) ?? "";
  const askedAt = async (environment: Record<string, string>) => {
    const other = await givenRemembering({ clock, environment });
    const here = givenBrowser(other);
    here.cookies.set(rememberedCookie, cookie);
    const { body } = await passwordIn(here, person);
    return { other, body };
  };
  const strict = await askedAt({ LEVEL_POLICY: "everyone=two-factor" });
  expect(strict.body).toMatchObject({ mfa_required: true, factors: ["totp", "recovery-codes"] });
  expect(strict.body).not.toHaveProperty("remember_device_days");
  clock.advance(2 * 86_400_000);
  expect((await askedAt({ REMEMBER_DEVICES_DAYS: "1" })).body.mfa_required).toBe(true);
  expect((await askedAt({})).body.access_token).toMatch(/^ey/);
  const off = await askedAt({ REMEMBER_DEVICES_DAYS: "0" });
  expect(off.body.mfa_required).toBe(true);
  expect(await off.other.rooms.mfa.remembered.list(person.account.id)).toEqual([]);
  expect(await devicesOf(isolate, tokensOf(await askedAt({})))).toHaveLength(1);
});

test("the cron trigger removes devices that expired, and where the policy is off those of an hour before: they do not come back with it", async () => {
  const isolate = await givenRemembering();
  const off = await givenRemembering({ environment: { REMEMBER_DEVICES_DAYS: "0" } });
  const person = await givenTotp(isolate);
  const { id } = person.account;
  const count = async (): Promise<number> => (await isolate.rooms.mfa.remembered.list(id)).length;
  // A clock ahead would sweep what other tests hold: this account's own times are set back instead.
  const setBack = (column: string) =>
    isolate.rooms.database.execute(
      sql`update remembered_devices set ${sql.identifier(column)} = now() - interval '2 hours' where account_id = ${id}`,
    );
  for (const [rooms, column] of [
    [isolate.rooms, "expires_at"],
    [off.rooms, "created_at"],
  ] as const) {
    await givenRemembered(isolate, person);
    await rooms.mfa.sweep();
    expect(await count()).toBe(1);
    await setBack(column);
    await rooms.mfa.sweep();
    const { rows } = await isolate.rooms.database.execute(
      sql`select id from remembered_devices where account_id = ${id}`,
    );
    expect(rows).toEqual([]);
  }
});

test("pages without a script: ticked beside the code, the device is remembered; it is listed under Security and forgotten there", async () => {
  const isolate = await givenRemembering();
  const { secret, codes, browser: _, ...person } = await givenAppHolder(isolate);
  const browser = await givenHalfSignedIn(isolate, person);
  const page = await browser.open("/login/factor");
  expect(page.html).toMatch(
    /<label class="check"><input type="checkbox" name="remember_device" value="yes"\/?>Do not ask for this on this device for 30 days<\/label>/,
  );
  expect(page.forms.filter(({ names }) => names.includes("remember_device"))).toHaveLength(1);
  const byCode = { code: codes[0] ?? "" };
  const codeForm = "/login/factor/recovery-code";
  const other = await givenHalfSignedIn(isolate, person);
  const forced = await other.submit("/login/factor", { ...byCode, remember_device: "yes" }, codeForm);
  expectSeeOther(forced, "/account");
  expect(other.cookies.has(rememberedCookie)).toBe(false);

  const ticked = { ...page.forms[0]?.hidden, code: codeOf(isolate, secret), remember_device: "yes" };
  expectSeeOther(await browser.post("/login/factor", ticked, firefox), "/account");
  expect(browser.cookies.has(rememberedCookie)).toBe(true);
  await browser.submit("/account", {}, "/account/sign-out");
  expect(browser.cookies.has(sessionCookie)).toBe(false);
  const signIn = { email: person.email, password: person.password };
  expectSeeOther(await browser.submit("/login", signIn), "/account");
  // Step-up asks, and offers to remember nothing.
  expectSeeOther(await browser.open("/login/again"), "/login/factor");
  expect((await browser.open("/login/factor")).html).not.toContain("remember_device");

  const security = "/account/security";
  const { html } = await browser.open(security);
  expect(html).toMatch(
    /<h2 id="devices">Remembered devices<\/h2>.*Firefox on Windows.*aria-label="Forget: Firefox on Windows"/s,
  );
  const forget = `${security}/devices/forget`;
  const stale = await browser.post(forget, { form_token: "x", device: "dev_x" });
  expect(stale.answer.status).toBe(403);
  expectSeeOther(await browser.submit(security, {}, forget), security);
  const after = await browser.open(security);
  expect(after.html).toContain("It is forgotten. The second step is asked for there at the next sign-in.");
  expect(after.html).not.toContain("Remembered devices");
  await browser.submit("/account", {}, "/account/sign-out");
  expectSeeOther(await browser.submit("/login", signIn), "/login/factor");
  expect(browser.cookies.has(rememberedCookie)).toBe(false);
  isolate.clock.advance(30_000);
  const again = { code: codeOf(isolate, secret), remember_device: "yes" };
  expectSeeOther(await browser.submit("/login/factor", again), "/account");
  expectSeeOther(await browser.submit(security, {}, `${security}/devices/forget-all`), security);
  expect(await isolate.rooms.mfa.remembered.list(person.account.id)).toEqual([]);
});

test("sign-ins that a remembered browser was spared share one count of guesses: each new session is no new start", async () => {
  const isolate = await givenRemembering();
  const person = await givenTotp(isolate);
  const { browser } = await givenRemembered(isolate, person);
  const raised = async () => {
    const { access_token } = (await passwordIn(browser, person)).body;
    const due = await isolate.fetch("/auth/mfa/step-up", json({}, bearerOf(access_token ?? "")));
    const { mfa_token } = (await due.json()) as { mfa_token: string };
    return { mfa_token, factor: "totp", code: wrongCodeOf(isolate, person.secret) };
  };
  const first = await raised();
  for (let at = 0; at < 3; at += 1) await expectProblem(await proveBy(isolate, first), 401, "invalid_code");
  const second = await raised();
  for (let at = 0; at < 2; at += 1) await expectProblem(await proveBy(isolate, second), 401, "invalid_code");
  await expectProblem(await proveBy(isolate, await raised()), 429, "rate_limited");
});
