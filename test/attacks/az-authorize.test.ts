// AZ-02 to AZ-17: what is sent to /oauth/authorize to have a code, or a person, go where they should not.
import { expect, test } from "vitest";
import { type Isolate, issuer } from "../support/given.ts";
import { type Browser, givenBrowser, givenSignedIn, type Seen } from "../support/given-browser.ts";
import {
  type App,
  answerConsent,
  authorize,
  callback,
  follow,
  givenApp,
  givenCode,
  givenProvider,
  publicApp,
  requestOf,
  type Sent,
  sentBack,
} from "../support/given-provider.ts";

/** A page, never a redirect: who is not trusted is sent nothing (RFC 6749 §4.1.2.1). */
function expectPage({ answer, html }: Seen, what: string): void {
  expect([what, answer.status, answer.headers.get("location"), answer.headers.get("refresh")]).toEqual([
    what,
    400,
    null,
    null,
  ]);
  expect(answer.headers.get("content-type")).toContain("text/html");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(html).not.toContain("evil");
}

async function errorOf(browser: Browser, client: App, sent: Sent): Promise<string | null> {
  const { to, fields } = sentBack(await authorize(browser, client, sent));
  expect([to, fields.get("iss"), fields.get("code")]).toEqual([callback, issuer, null]);
  // RFC 6749 §4.1.2.1: of these characters alone.
  expect(fields.get("error_description")).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  return fields.get("error");
}

async function givenAsked(metadata: Parameters<typeof givenProvider>[0] = {}) {
  const given = await givenProvider({ firstParty: true, ...metadata });
  return { ...given, ...(await givenSignedIn(given.isolate)) };
}

test("AZ-02: a redirect URI that is not the registered one to the letter is answered by a page", async () => {
  const { browser, client } = await givenAsked();
  for (const uri of [
    `${callback}/evil`,
    `${callback}/`,
    `${callback}?evil=1`,
    `${callback}#evil`,
    "https://app.example@evil.test/callback",
    "https://evil@app.example/callback",
    "https://app.example:8443/callback",
    "https://APP.example/callback",
    "https://app.example/Callback",
    "http://app.example/callback",
    "https://app.example/%2e%2e/callback",
    "https://app.example/x/../callback",
    "https://app.example/%2fcallback",
    "https://app.example/%252fcallback",
    "https://app.example\\callback",
    "https://app.example/callback\r\nevil: 1",
    "https://evil.app.example/callback",
    "https://app.example.evil.test/callback",
    "//app.example/callback",
    "javascript:alert(1)//evil",
  ])
    expectPage(await authorize(browser, client, { redirect_uri: uri }), uri);
  const twice = `${await requestOf(client)}&redirect_uri=https%3A%2F%2Fevil.test%2F`;
  expectPage(await browser.open(`/oauth/authorize?${twice}`), "two of them");
});

test("AZ-04: without a client, or with one of several redirect URIs left out, nobody is sent anywhere", async () => {
  const { isolate, browser, client } = await givenAsked();
  const several = await givenApp(isolate, { redirectUris: [callback, `${callback}/2`] });
  expectPage(await authorize(browser, several, { redirect_uri: null }), "several");
  for (const client_id of ["cli_evil", null, "first-party", "a".repeat(4000)])
    expectPage(await authorize(browser, client, { client_id }), String(client_id));
  expectPage(
    await browser.open(`/oauth/authorize?${await requestOf(client)}&client_id=cli_evil`),
    "two clients",
  );
  expectPage(await browser.open("/oauth/authorize"), "nothing at all");
  expectPage(
    await browser.open(`/consent?${await requestOf(client, { redirect_uri: "https://evil.test/" })}`),
    "consent",
  );
  const many = new URLSearchParams(Array.from({ length: 300 }, (_, at) => [`p${at}`, "1"]));
  expectPage(await browser.open(`/oauth/authorize?${many}`), "three hundred");
  expect(sentBack(await authorize(browser, client, { redirect_uri: null })).to).toBe(callback);
});

test("AZ-06: codes and nothing else: no token is ever in an address (RFC 9700 §2.1.2)", async () => {
  const { isolate, browser, client } = await givenAsked();
  for (const type of ["token", "id_token token", "code token", "code id_token", "none", "CODE"])
    expect(await errorOf(browser, client, { response_type: type })).toBe("unsupported_response_type");
  for (const type of [null, ""])
    expect(await errorOf(browser, client, { response_type: type })).toBe("invalid_request");
  const machine = await givenApp(isolate, { grantTypes: ["client_credentials"], responseTypes: [] });
  expect(await errorOf(browser, machine, {})).toBe("unauthorized_client");
});

test("AZ-07, AZ-08: a challenge is asked of everybody, by S256 and whole (RFC 7636 §4.2, RFC 7636 §4.3, RFC 9700 §2.1.1)", async () => {
  const { isolate, browser, client } = await givenAsked();
  const open = await givenApp(isolate, { ...publicApp, firstParty: true });
  const waived = await givenApp(isolate, { requirePkce: false, firstParty: true });
  const none = { code_challenge: null, code_challenge_method: null };
  for (const app of [client, open]) expect(await errorOf(browser, app, none)).toBe("invalid_request");
  const bad: Sent[] = [
    { code_challenge_method: "plain" },
    { code_challenge_method: "s256" },
    { code_challenge_method: null },
    { code_challenge: "a".repeat(42) },
    { code_challenge: "a".repeat(44) },
    { code_challenge: `${"a".repeat(42)}=` },
    { code_challenge: `${"a".repeat(42)}+` },
    { code_challenge: null },
  ];
  for (const sent of bad)
    for (const app of [client, waived])
      expect([sent, await errorOf(browser, app, sent)]).toEqual([sent, "invalid_request"]);
  expect(sentBack(await authorize(browser, waived, none)).fields.get("code")).toMatch(/^gc_/);
});

test("AZ-09: no page of another origin can read what is answered here", async () => {
  const { isolate, client } = await givenAsked();
  const path = `/oauth/authorize?${await requestOf(client)}`;
  const headers = { origin: "https://app.example", "sec-fetch-mode": "cors", "sec-fetch-site": "cross-site" };
  for (const init of [
    { headers },
    { headers: { ...headers, "access-control-request-method": "GET" }, method: "OPTIONS" },
  ]) {
    const answer = await isolate.fetch(path, { redirect: "manual", ...init });
    const cors = [...answer.headers.keys()].filter((name) => name.startsWith("access-control"));
    expect([init.headers, cors]).toEqual([init.headers, []]);
  }
});

test("AZ-10, AZ-11, AZ-17: words that make no sense are errors of the request, and scopes of others of the scope (OIDC Core §3.1.2.1, OIDC Core §6)", async () => {
  const { browser, client } = await givenAsked();
  const tries: [Sent, string][] = [
    [{ prompt: "none login" }, "invalid_request"],
    [{ prompt: "evil" }, "invalid_request"],
    [{ max_age: "-1" }, "invalid_request"],
    [{ max_age: "abc" }, "invalid_request"],
    [{ max_age: "1e9" }, "invalid_request"],
    [{ claims: "[]" }, "invalid_request"],
    [{ claims: `{"userinfo":${" ".repeat(5000)}{}}` }, "invalid_request"],
    [{ response_mode: "web_message" }, "invalid_request"],
    [{ registration: "{}" }, "registration_not_supported"],
    [{ request: "a.b.c" }, "request_not_supported"],
    [{ request_uri: "https://evil.test/" }, "request_uri_not_supported"],
    [{ scope: "openid evil" }, "invalid_scope"],
    [{ scope: 'openid "' }, "invalid_scope"],
    [{ scope: "openid \\" }, "invalid_scope"],
    [{ scope: "openid\u0007" }, "invalid_scope"],
    [{ resource: "https://evil.test/" }, "invalid_target"],
    [{ id_token_hint: "nonsense" }, "invalid_request"],
    [{ nonce: "n".repeat(1025) }, "invalid_request"],
  ];
  for (const [sent, error] of tries)
    expect([sent, await errorOf(browser, client, sent)]).toEqual([sent, error]);
  const twice = await browser.open(`/oauth/authorize?${await requestOf(client)}&scope=email`);
  expect(sentBack(twice).fields.get("error")).toBe("invalid_request");
});

test("AZ-13, BI-02: state comes back to the letter and nonce unshortened, errors carry iss as codes do (RFC 9207 §2)", async () => {
  const { isolate, browser, client } = await givenAsked();
  for (const state of ["a+b c%20d&e=f#g", "ünï¢ødé €", "x".repeat(1500), "%2B%26", '"<>\\', "\u{1f511}"]) {
    for (const sent of [{ state }, { state, scope: "evil" }]) {
      const { fields } = sentBack(await authorize(browser, client, sent));
      expect([fields.get("state"), fields.get("iss")]).toEqual([state, issuer]);
    }
  }
  expect(sentBack(await authorize(browser, client, { state: null })).fields.has("state")).toBe(false);
  const { rows } = await (async () => {
    await givenCode(browser, client, { nonce: "n".repeat(384) });
    return await isolate.rooms.database.execute<{ nonce: string }>(
      `select nonce from authorization_codes where client_id = '${client.id}' order by length(nonce) desc limit 1`,
    );
  })();
  expect(rows[0]?.nonce).toBe("n".repeat(384));
});

test("AZ-14: after a password the way on is 303, and the password is nowhere in it (RFC 9700 §4.12)", async () => {
  const { isolate, client, email, password } = await givenAsked();
  const browser = givenBrowser(isolate);
  const login = await follow(browser, await authorize(browser, client));
  const form = login.forms.find(({ action }) => action === "/login");
  const done = await browser.post("/login", { ...form?.hidden, email, password });
  expect(done.answer.status).toBe(303);
  const away = await follow(browser, done);
  const said = [done, away]
    .map(({ answer, html }) => `${[...answer.headers.entries()].join()}${html}`)
    .join();
  for (const secret of [password, encodeURIComponent(password), password.replaceAll(" ", "+")])
    expect(said).not.toContain(secret);
  expect(sentBack(away).to).toBe(callback);
});

/** How many codes there are of a client. */
const codesOf = async (isolate: Isolate, client: App): Promise<number> => {
  const statement = `select count(*)::int as codes from authorization_codes where client_id = '${client.id}'`;
  return (await isolate.rooms.database.execute<{ codes: number }>(statement)).rows[0]?.codes ?? -1;
};

test("AZ-16: one page of consent gives one code, to the session that it was shown to, for what it showed", async () => {
  const { isolate, client } = await givenProvider();
  const { browser } = await givenSignedIn(isolate);
  const page = await follow(browser, await authorize(browser, client));
  const other = (await givenSignedIn(isolate)).browser;
  const form = page.forms.find(({ action }) => action === "/consent")?.hidden ?? {};
  const wider = `${await requestOf(client, { scope: "openid email orders.write" })}`;
  const elsewhere = `${await requestOf(await givenApp(isolate))}`;
  const denial = page.forms.find(({ action }) => action === "/consent/deny")?.hidden ?? {};
  const tries: [Browser, Record<string, string>, Record<string, string>][] = [
    [other, form, {}],
    [browser, { ...form, request: wider }, {}],
    [browser, { ...form, request: elsewhere }, {}],
    [browser, { ...form, ticket: "A".repeat(22) }, {}],
    [browser, { ...form, form_token: denial["form_token"] ?? "" }, {}],
    [browser, form, { origin: "https://evil.test" }],
    [browser, form, { "sec-fetch-site": "cross-site" }],
  ];
  for (const [from, fields, headers] of tries)
    expect((await from.post("/consent", fields, headers)).answer.status).toBe(403);
  expect(await codesOf(isolate, client)).toBe(0);
  const answers = await Promise.all([1, 2, 3].map(() => answerConsent(browser, page, "allow")));
  expect(answers.map(({ answer }) => answer.status).sort()).toEqual([200, 403, 403]);
  expect(await codesOf(isolate, client)).toBe(1);
});
