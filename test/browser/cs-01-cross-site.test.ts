import { expect, test } from "vitest";
import {
  call,
  cookieNames,
  cookiesOf,
  givenWindow,
  issuer,
  openApplication,
  pathOf,
  refresh,
  type Window,
  watch,
} from "./browser.ts";
import { evilHosts, givenEvilSite, nextPost, selfSentForm } from "./evil-site.ts";
import {
  freshAddress,
  givenPerson,
  givenSignedIn,
  goodPassword,
  headingOf,
  isSignedIn,
  linkTo,
  otherPassword,
  type Person,
  signIn,
  signInStatus,
} from "./people.ts";

const evil = givenEvilSite();

/** The token of the form that goes to `action`, as its owner's browser got it: the worst that can have leaked. */
async function tokenOf({ page }: Window, path: string, action = path): Promise<string> {
  await page.goto(path);
  const { pathname } = new URL(action, issuer);
  const token = page.locator(`form[action="${pathname}"] input[name=form_token], form:not([action]) input`);
  return (await token.first().getAttribute("value")) ?? "";
}

/** Every form of ours, filled in rightly. */
async function formsAgainst(victim: Window, { email, password }: Person) {
  const phone = await givenWindow();
  await signIn(phone, { email, password });
  const { page } = phone;
  await page.goto("/account/sessions");
  const session = (await page.locator("input[name=session]").first().getAttribute("value")) ?? "";
  const own = async (path: string, fields: Record<string, string>, shownOn = path) => ({
    action: path,
    fields: { ...fields, form_token: await tokenOf(victim, shownOn, path) },
  });
  return [
    await own("/account/security", { password, new_password: otherPassword }),
    await own("/account/address", { email: freshAddress(), password }),
    await own("/account/delete", { password }),
    await own("/account/sessions/end", { session }, "/account/sessions"),
    await own("/account/sessions/end-others", {}, "/account/sessions"),
    await own("/account/sessions/end-all", {}, "/account/sessions"),
    await own("/account/sign-out", {}, "/account"),
  ];
}

async function expectUntouched(
  victim: Window,
  person: Person,
  before: Record<string, string>,
): Promise<void> {
  expect(await cookiesOf(victim)).toEqual(before);
  expect(await isSignedIn(victim)).toBe(true);
  await victim.page.goto("/account/sessions");
  expect(await victim.page.getByRole("button", { name: /^End session: / }).count()).toBe(1);
  expect((await refresh(victim)).status).toBe(200);
  expect(await signInStatus(person)).toBe(200);
}

test.each(evilHosts)(
  "%s sends every form of an account, rightly filled in and with its owner's token: 403, and nothing changes",
  async (_where, host) => {
    const victim = await givenWindow();
    const person = await givenSignedIn(victim);
    const forms = await formsAgainst(victim, person);
    const before = await cookiesOf(victim);
    const { page } = victim;

    for (const { action, fields } of forms) {
      expect(fields.form_token, action).not.toBe("");
      const answered = nextPost(page);
      await evil.show(page, host, selfSentForm(action, fields));
      const answer = await answered;
      expect([action, new URL(answer.url()).pathname, answer.status()]).toEqual([action, action, 403]);
      await page.waitForURL((url) => url.origin === issuer);
      expect(await headingOf(page)).toBe("That did not come from this page");
    }

    await expectUntouched(victim, person, before);
  },
);

test.each(evilHosts)(
  "%s signs nobody in, registers nobody and opens no link in somebody else's browser",
  async (_where, host) => {
    const [attacker, victim] = await Promise.all([givenWindow(), givenWindow()]);
    const thiefs = await givenPerson();
    const email = freshAddress();
    await call(attacker, "/auth/register", { json: { email, password: goodPassword } });
    const { pathname, search } = new URL(await linkTo(email));
    const { page } = victim;
    // Tokens of the victim's own browser: what stops the form is where it comes from.
    const forms = [
      { action: "/login", fields: { ...thiefs, form_token: await tokenOf(victim, "/login") } },
      {
        action: "/register",
        fields: {
          email: freshAddress(),
          password: goodPassword,
          form_token: await tokenOf(victim, "/register"),
        },
      },
      { action: "/recover", fields: { email: thiefs.email, form_token: await tokenOf(victim, "/recover") } },
      { action: pathname + search, fields: { form_token: await tokenOf(victim, pathname + search) } },
    ];

    for (const { action, fields } of forms) {
      expect(fields.form_token, action).not.toBe("");
      const answered = nextPost(page);
      await evil.show(page, host, selfSentForm(action, fields));
      expect([action, (await answered).status()]).toEqual([action, 403]);
    }

    expect(Object.keys(await cookiesOf(victim))).not.toContain(cookieNames.session);
    expect(Object.keys(await cookiesOf(victim))).not.toContain(cookieNames.refresh);
    expect(await isSignedIn(victim)).toBe(false);
    expect(await signInStatus({ email, password: goodPassword })).not.toBe(200);
  },
);

const jsonCalls = [
  ["/auth/refresh", ""],
  ["/auth/logout", ""],
  ["/auth/logout-everywhere", ""],
  ["/auth/sessions/end-others", ""],
] as const;

test.each(evilHosts)(
  "%s calls the JSON endpoints by form, fetch and beacon: 403, no answer is read, and nothing changes",
  async (_where, host) => {
    const [victim, phone] = await Promise.all([givenWindow(), givenWindow()]);
    const person = await givenSignedIn(victim);
    await signIn(phone, person);
    const attacker = await givenPerson();
    const before = await cookiesOf(victim);
    const { page } = victim;
    const login = ["/auth/login", JSON.stringify(attacker)] as const;

    for (const [path, body] of [...jsonCalls, login]) {
      const field = body === "" ? {} : { [body.replace(/}$/, ',"ignored":"')]: '"}' };
      const byForm = nextPost(page);
      await evil.show(page, host, selfSentForm(path, field, { enctype: "text/plain" }));
      expect([path, "form", (await byForm).status()]).toEqual([path, "form", 403]);

      await evil.show(page, host, "");
      for (const how of ["fetch", "beacon"] as const) {
        const sent = nextPost(page);
        await page.evaluate(sendBlindly, { url: issuer + path, body, how });
        expect([path, how, (await sent).status()]).toEqual([path, how, 403]);
      }
      expect(await page.evaluate(sendReadably, { url: issuer + path, method: "POST" })).toBe("refused");
    }
    for (const path of ["/account", "/account/sessions", "/auth/sessions", "/auth/account", "/login"])
      expect([path, await page.evaluate(sendReadably, { url: issuer + path, method: "GET" })]).toEqual([
        path,
        "refused",
      ]);

    await expectUntouched(victim, person, before);
  },
);

/** Sends without asking to read the answer: what a browser lets every page do. */
async function sendBlindly({ url, body, how }: { url: string; body: string; how: "fetch" | "beacon" }) {
  if (how === "beacon") {
    const { navigator: own } = globalThis as unknown as {
      navigator: { sendBeacon(target: string, data: string): boolean };
    };
    own.sendBeacon(url, body);
    return;
  }
  const blind = { method: "POST", mode: "no-cors", credentials: "include", body } as RequestInit;
  await fetch(url, blind);
}

async function sendReadably({ url, method }: { url: string; method: string }): Promise<string> {
  const json = { headers: { "content-type": "application/json" }, body: "{}" };
  const asked = { method, credentials: "include", ...(method === "GET" ? {} : json) } as RequestInit;
  return fetch(url, asked).then(
    (answer) => answer.text(),
    () => "refused",
  );
}

test("a form of our own origin is worth nothing with a token of another browser", async () => {
  const [attacker, victim] = await Promise.all([givenWindow(), givenWindow()]);
  await givenSignedIn(attacker);
  const person = await givenSignedIn(victim);
  const foreign = await tokenOf(attacker, "/account/sessions", "/account/sessions/end-all");
  const own = await tokenOf(victim, "/account/sessions", "/account/sessions/end-all");
  const tab = await openApplication(victim);
  const send = (token: string) =>
    tab.evaluate(
      async (body) =>
        (await fetch("/account/sessions/end-all", { method: "POST", body: new URLSearchParams(body) }))
          .status,
      { form_token: token },
    );

  expect(foreign).not.toBe(own);
  expect(await send(foreign)).toBe(403);
  expect(await send("")).toBe(403);
  expect(await isSignedIn(victim)).toBe(true);
  expect((await refresh(victim)).status).toBe(200);
  await send(own);
  expect(await isSignedIn(victim)).toBe(false);
  expect(await signInStatus(person)).toBe(200);
});

test("cookies go where their SameSite says: to a link from another site the page's own, to its forms and pictures none", async () => {
  const victim = await givenWindow();
  await givenSignedIn(victim);
  const { page, context } = victim;
  const kept = await context.cookies(issuer);
  expect(
    Object.fromEntries(kept.map(({ name, sameSite, httpOnly }) => [name, [sameSite, httpOnly]])),
  ).toEqual({
    [cookieNames.session]: ["Lax", true],
    [cookieNames.refresh]: ["Strict", true],
    [cookieNames.device]: ["Lax", true],
    "gatehouse-form": ["Lax", true],
  });
  expect(await (await openApplication(victim)).evaluate("document.cookie")).toBe("");
  const seen = watch(page, "/account");
  const namesIn = (cookie: string): string[] =>
    [cookieNames.session, cookieNames.refresh].filter((name) => cookie.includes(`${name}=`));
  const { session, refresh: strict } = cookieNames;

  await page.goto("/account");
  await evil.show(page, "127.0.0.1", `<a href="${issuer}/account">A link</a>`);
  await page.click("a");
  await page.waitForURL(`${issuer}/account`);
  await evil.show(page, "127.0.0.1", `<img src="${issuer}/account" alt="">`);
  await evil.show(page, "127.0.0.1", selfSentForm("/account", {}));
  await page.waitForURL(`${issuer}/account`);
  await evil.show(page, "localhost", `<a href="${issuer}/account">A link</a>`);
  await page.click("a");
  await page.waitForURL(`${issuer}/account`);

  const [own, link, picture, form, sibling, ...more] = (await seen.seen()).map(({ cookie }) =>
    namesIn(cookie),
  );
  expect({ own, link, picture, form, sibling, more }).toEqual({
    own: [session, strict],
    link: [session],
    picture: [],
    form: [],
    sibling: [session, strict],
    more: [],
  });
  expect(pathOf(page)).toBe("/account");
});
