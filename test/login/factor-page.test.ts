import { expect, test } from "vitest";
import type { PasskeyCreationOptions, PasskeyRequestOptions } from "../../src/mfa/passkey-options.ts";
import { issuer } from "../support/given.ts";
import {
  expectSeeOther,
  givenBrowser,
  givenSignedIn,
  givenSignInIsolate,
  sessionCookie,
} from "../support/given-browser.ts";
import {
  codeOf,
  codesOn,
  givenAppHolder,
  givenAuthenticator,
  givenHalfSignedIn,
  optionsOn,
  secretOn,
  wrongCodeOf,
} from "../support/given-factor-pages.ts";
import { givenPerson, mailsTo } from "../support/given-people.ts";

const stepCookie = "__Host-gatehouse-step";

test("after the password a code of the app is asked for; it signs in, is sent on to where they were going, and clears the step", async () => {
  const isolate = await givenSignInIsolate();
  const { email, password, secret } = await givenAppHolder(isolate);
  const browser = givenBrowser(isolate);
  const first = await browser.submit("/login?return_to=/account/sessions", { email, password }, "/login");
  expectSeeOther(first, "/login/factor?return_to=%2Faccount%2Fsessions");
  expect(browser.cookies.has(sessionCookie)).toBe(false);
  expectSeeOther(await browser.open("/account"), "/login?return_to=%2Faccount");

  const page = await browser.open("/login/factor?return_to=%2Faccount%2Fsessions");
  expect(page.answer.status).toBe(200);
  expect(page.html).toMatch(/<input id="code" name="code" type="text" autocomplete="one-time-code"/);
  expect(page.html).toContain('inputmode="numeric"');
  expect(page.html).not.toContain(email);
  for (const { submits } of page.forms) expect(submits).toBe(1);

  const code = codeOf(secret, isolate);
  const sent = await browser.post("/login/factor", { ...page.forms[0]?.hidden, code });
  expectSeeOther(sent, "/account/sessions");
  expect(sent.answer.headers.getSetCookie().filter((line) => line.startsWith(stepCookie))).toEqual([
    expect.stringMatching(/Max-Age=0/),
  ]);
  expect((await browser.open("/account")).html).toContain(email);
});

test("a wrong code comes back with 400 at its field, and a right one goes on from there; what was typed does not come back", async () => {
  const isolate = await givenSignInIsolate();
  const { secret, ...person } = await givenAppHolder(isolate);
  const browser = await givenHalfSignedIn(isolate, person);
  const wrong = wrongCodeOf(secret, isolate);
  const { answer, html, forms } = await browser.submit("/login/factor", { code: wrong });
  expect(answer.status).toBe(400);
  expect(html).toContain("<title>Error: One more step");
  expect(html).toMatch(/<p class="wrong" id="code-wrong">That code is not right, or was used already\./);
  expect(html).not.toContain(wrong);
  expect(browser.cookies.has(sessionCookie)).toBe(false);
  const code = codeOf(secret, isolate);
  expectSeeOther(await browser.post("/login/factor", { ...forms[0]?.hidden, code }), "/account");
});

test("a code signs in once: the same one from a second browser is refused, one after another and at the same moment", async () => {
  const isolate = await givenSignInIsolate();
  const { secret, ...person } = await givenAppHolder(isolate);
  const browsers = [
    await givenHalfSignedIn(isolate, person),
    await givenHalfSignedIn(isolate, person),
    await givenHalfSignedIn(isolate, person),
  ];
  const code = codeOf(secret, isolate);
  const [late, ...atOnce] = browsers;
  const answers = await Promise.all(atOnce.map((one) => one.submit("/login/factor", { code })));
  expect(answers.map(({ answer }) => answer.status).toSorted()).toEqual([303, 400]);
  const after = await late?.submit("/login/factor", { code });
  expect(after?.answer.status).toBe(400);
  expect(browsers.filter(({ cookies }) => cookies.has(sessionCookie))).toHaveLength(1);
});

test("after the fifth wrong code the page says how long to wait, with 429 and Retry-After, and a right code waits too", async () => {
  const isolate = await givenSignInIsolate();
  const { secret, ...person } = await givenAppHolder(isolate);
  const browser = await givenHalfSignedIn(isolate, person);
  for (let count = 0; count < 5; count += 1) {
    const { answer } = await browser.submit("/login/factor", { code: wrongCodeOf(secret, isolate) });
    expect(answer.status).toBe(400);
  }
  const { answer, html } = await browser.submit("/login/factor", { code: codeOf(secret, isolate) });
  expect(answer.status).toBe(429);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(html).toMatch(/role="alert"><p>There were too many attempts in a short time\. Wait /);
  expect(browser.cookies.has(sessionCookie)).toBe(false);
});

test("a recovery code signs in once, in whatever way it was typed, and its owner is told by mail", async () => {
  const isolate = await givenSignInIsolate();
  const { codes, email, ...person } = await givenAppHolder(isolate);
  const [code = ""] = codes;
  const action = "/login/factor/recovery-code";
  const browser = await givenHalfSignedIn(isolate, { email, ...person });
  const typed = ` ${code.toUpperCase().replaceAll("-", " ")} `;
  expectSeeOther(await browser.submit("/login/factor", { code: typed }, action), "/account");
  const subjects = (await mailsTo(isolate, email)).map(({ subject }) => subject).join("\n");
  expect(subjects).toMatch(/recovery code/i);

  const again = await givenHalfSignedIn(isolate, { email, ...person });
  const { answer, html } = await again.submit("/login/factor", { code }, action);
  expect(answer.status).toBe(400);
  expect(html).toMatch(/<details[^>]* open/);
  expect(html).toMatch(/id="recovery-code-wrong">That recovery code is not right, or was used already\./);
  expect(again.cookies.has(sessionCookie)).toBe(false);
});

test("a step that is six minutes old, missing or made up leads back to sign in, and says why", async () => {
  const isolate = await givenSignInIsolate();
  const { secret, ...person } = await givenAppHolder(isolate);
  const browser = await givenHalfSignedIn(isolate, person);
  const { forms } = await browser.open("/login/factor");
  isolate.clock.advance(6 * 60_000);
  const code = codeOf(secret, isolate);
  expectSeeOther(await browser.post("/login/factor", { ...forms[0]?.hidden, code }), "/login");
  expect(browser.cookies.has(stepCookie)).toBe(false);
  expect((await browser.open("/login")).html).toContain("That took too long or something changed meanwhile");
  const stranger = givenBrowser(isolate);
  for (const path of ["/login/factor", "/login/set-up"]) expectSeeOther(await stranger.open(path), "/login");
  stranger.cookies.set(stepCookie, "gm_1.AAAA.AAAA");
  expectSeeOther(await stranger.open("/login/factor?return_to=//evil.test"), "/login");
});

test("a code is not taken from another site's page, with another browser's token, or with none", async () => {
  const isolate = await givenSignInIsolate();
  const { secret, ...person } = await givenAppHolder(isolate);
  const browser = await givenHalfSignedIn(isolate, person);
  const { forms } = await browser.open("/login/factor");
  const code = codeOf(secret, isolate);
  const evil = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  const cross = await browser.post("/login/factor", { ...forms[0]?.hidden, code }, evil);
  expect(cross.answer.status).toBe(403);
  const other = await givenHalfSignedIn(isolate, person);
  const { forms: others } = await other.open("/login/factor");
  for (const form_token of [others[0]?.hidden["form_token"] ?? "", ""]) {
    const sent = await browser.post("/login/factor", { form_token, code });
    expect(sent.answer.status).toBe(403);
    expect(sent.html).toContain("had been open for too long");
  }
  expect((await browser.post("/login/factor", { code })).answer.status).toBe(400);
  expect(browser.cookies.has(sessionCookie)).toBe(false);
  expectSeeOther(await browser.post("/login/factor", { ...forms[0]?.hidden, code }), "/account");
});

test("where a second factor is demanded of everyone, a sign-in without one sets up an app first, and saves recovery codes", async () => {
  const isolate = await givenSignInIsolate({ environment: { LEVEL_POLICY: "everyone=two-factor" } });
  const person = await givenPerson(isolate);
  const browser = await givenHalfSignedIn(isolate, person, "/login/set-up");
  expectSeeOther(await browser.open("/login/factor"), "/login");
  const again = await givenHalfSignedIn(isolate, person, "/login/set-up");
  const shown = await again.submit("/login/set-up", {}, "/login/set-up/app");
  expect(shown.answer.status).toBe(200);
  expect(shown.html).toMatch(/<svg [^>]*>.*<rect fill="white"/);
  const secret = secretOn(shown);
  const { hidden } = shown.forms[0] ?? {};
  const wrong = await again.post("/login/set-up/app/confirm", {
    ...hidden,
    code: wrongCodeOf(secret, isolate),
  });
  expect(wrong.answer.status).toBe(400);
  expect(secretOn(wrong)).toBe(secret);
  expect(again.cookies.has(sessionCookie)).toBe(false);

  const code = codeOf(secret, isolate);
  const codesPage = "/account/security/recovery-codes";
  const done = await again.post("/login/set-up/app/confirm", { ...wrong.forms[0]?.hidden, code });
  expectSeeOther(done, `${codesPage}?return_to=%2Faccount`);
  expect(again.cookies.has(stepCookie)).toBe(false);
  const made = await again.submit(codesPage, {});
  expect(codesOn(made)).toHaveLength(10);
  expect((await again.open("/account")).html).toContain(person.email);
});

test("where only a passkey may sign in, the page says so to who has an app: its code leads to setting one up, no app is offered, and then they are in", async () => {
  const open = await givenSignInIsolate();
  const { secret, ...person } = await givenAppHolder(open);
  const environment = { LEVEL_POLICY: "everyone=phishing-resistant" };
  const isolate = await givenSignInIsolate({ environment, clock: open.clock });
  const browser = await givenHalfSignedIn(isolate, person, "/login/factor");
  expectSeeOther(await browser.open("/login/set-up"), "/login");
  const { email, password } = person;
  const asked = await browser.submit("/login?return_to=/account/sessions", { email, password }, "/login");
  expectSeeOther(asked, "/login/factor?return_to=%2Faccount%2Fsessions");
  const page = await browser.open("/login/factor?return_to=%2Faccount%2Fsessions");
  expect(page.html).toContain("This account needs a passkey, and has none yet.");
  expect(page.forms.map(({ action }) => action)).toEqual(["/login/factor", "/login/factor/recovery-code"]);
  const code = codeOf(secret, isolate);
  const led = await browser.post("/login/factor", { ...page.forms[0]?.hidden, code });
  expectSeeOther(led, "/login/set-up?return_to=%2Faccount%2Fsessions");
  expect(browser.cookies.has(sessionCookie)).toBe(false);

  const setUp = await browser.open("/login/set-up?return_to=%2Faccount%2Fsessions");
  const form = "/login/set-up/passkey";
  expect(setUp.html).toContain("This account is opened with a passkey only");
  expect(setUp.forms.map(({ action }) => action)).toEqual([form]);
  const { hidden } = setUp.forms[0] ?? {};
  for (const path of ["/login/set-up/app", "/login/set-up/app/confirm"])
    expectSeeOther(await browser.post(path, { ...hidden }), "/login/set-up?return_to=%2Faccount%2Fsessions");
  const options = optionsOn<PasskeyCreationOptions>(setUp, form);
  const credential = JSON.stringify(await givenAuthenticator().register(options));
  const done = await browser.post(form, { ...hidden, credential });
  expectSeeOther(done, "/account/security/recovery-codes?return_to=%2Faccount%2Fsessions");
  const sessions = await isolate.rooms.sessions.list(person.account.id);
  expect(sessions[0]).toMatchObject({ acr: "phishing-resistant", amr: ["pwd", "otp", "pop", "user", "mfa"] });
});

test("the same with a passkey, which then signs in by itself; a passkey that was removed is refused", async () => {
  const isolate = await givenSignInIsolate({ environment: { LEVEL_POLICY: "everyone=two-factor" } });
  const person = await givenPerson(isolate);
  const device = givenAuthenticator();
  const browser = await givenHalfSignedIn(isolate, person, "/login/set-up");
  const form = "/login/set-up/passkey";
  const page = await browser.open("/login/set-up");
  const credential = JSON.stringify(await device.register(optionsOn<PasskeyCreationOptions>(page, form)));
  const sent = await browser.submit("/login/set-up", { credential }, form);
  expectSeeOther(sent, "/account/security/recovery-codes?return_to=%2Faccount");

  const anew = givenBrowser(isolate);
  const signIn = async () => {
    const seen = await anew.open("/login");
    const hidden = seen.forms.find(({ action }) => action === "/login/passkey")?.hidden;
    const asked = optionsOn<PasskeyRequestOptions>(seen, "/login/passkey");
    expect(asked.allowCredentials).toEqual([]);
    const answer = JSON.stringify(await device.assert(asked));
    return {
      fields: { ...hidden, credential: answer },
      sent: await anew.post("/login/passkey", { ...hidden, credential: answer }),
    };
  };
  const { fields, sent: first } = await signIn();
  expectSeeOther(first, "/account");
  expect((await anew.open("/account")).html).toContain(person.email);
  anew.cookies.delete(sessionCookie);
  const replayed = await anew.post("/login/passkey", fields);
  expect(replayed.answer.status).toBe(400);
  expect(anew.cookies.has(sessionCookie)).toBe(false);

  const [factor] = await isolate.rooms.mfa.list(person.account.id);
  await isolate.rooms.mfa.removeAll(person.account.id, {
    actor: { type: "operator", id: "given" },
    origin: { requestId: "given", address: "192.0.2.7", country: null },
    background: isolate.background,
  });
  expect(factor?.kind).toBe("passkey");
  const { sent: refused } = await signIn();
  expect(refused.answer.status).toBe(400);
  expect(refused.html).toContain("This passkey could not be used.");
  expect(anew.cookies.has(sessionCookie)).toBe(false);
});

test("a passkey stands in for the code after a password; its answer is worth nothing in another sign-in", async () => {
  const isolate = await givenSignInIsolate();
  const person = await givenSignedIn(isolate);
  const device = givenAuthenticator();
  const form = "/account/security/passkey";
  const creation = optionsOn<PasskeyCreationOptions>(await person.browser.open(form), form);
  const registered = JSON.stringify(await device.register(creation));
  await person.browser.submit(form, { credential: registered, name: "My phone" });

  const browser = await givenHalfSignedIn(isolate, person);
  const other = await givenHalfSignedIn(isolate, person);
  const action = "/login/factor/passkey";
  const page = await browser.open("/login/factor");
  expect(page.html).not.toContain('name="code"');
  const credential = JSON.stringify(await device.assert(optionsOn<PasskeyRequestOptions>(page, action)));
  const stolen = await other.submit("/login/factor", { credential }, action);
  expect(stolen.answer.status).toBe(400);
  for (const bad of ["", "[]", "x".repeat(32_000)])
    expect((await other.submit("/login/factor", { credential: bad }, action)).answer.status).toBe(400);
  expect(other.cookies.has(sessionCookie)).toBe(false);
  expectSeeOther(await browser.submit("/login/factor", { credential }, action), "/account");
});

test("pages let their own script ask for passkeys, and nobody else's", async () => {
  const isolate = await givenSignInIsolate();
  const { answer, html } = await givenBrowser(isolate).open("/login");
  expect(answer.headers.get("permissions-policy")).toContain("publickey-credentials-get=(self)");
  expect(answer.headers.get("permissions-policy")).toContain("publickey-credentials-create=(self)");
  expect(html).toMatch(/autocomplete="username webauthn"/);
  expect(html).toMatch(
    /<form method="post" action="\/login\/passkey" data-passkey="get"[^>]* class="scripted"/,
  );
  expect(optionsOn<PasskeyRequestOptions>({ answer, html, forms: [] }, "/login/passkey").rpId).toBe(
    new URL(issuer).hostname,
  );
});
