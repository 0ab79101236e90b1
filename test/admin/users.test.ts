import { expect, test } from "vitest";
import type { Isolate } from "../support/given.ts";
import { givenKey, json, unique } from "../support/given.ts";
import { expectInvalidToken, givenTokenRoute } from "../support/given-jws.ts";
import { freshAddress, goodPassword, mailsTo } from "../support/given-people.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator, type OperatorAtWork } from "./operator.ts";

type User = { id: string; email: string | null; state: string; scopes: string[] };
type Page = { data: User[]; next_cursor: string | null };
type SignedIn = { access_token: string; refresh_token: string; session_id: string };

const nobody = `usr_${"0".repeat(22)}`;

const signIn = (isolate: Isolate, email: string) =>
  isolate.fetch("/auth/login", json({ email, password: goodPassword, refresh_in_body: true }));
const refresh = (isolate: Isolate, { refresh_token }: SignedIn) =>
  isolate.fetch("/auth/refresh", json({ refresh_token }));

/** An operator, and somebody who is signed in and goes through the gateway. */
async function givenSomebody(scopes: readonly string[] = ["orders.read"]) {
  const operator = await givenOperator();
  const { ask, isolate } = operator;
  const email = freshAddress();
  const user = await ask<User>(201, "POST", "/users", { email, password: goodPassword, scopes });
  const signedIn = (await (await signIn(isolate, email)).json()) as SignedIn;
  const route = await givenTokenRoute(isolate, { scopes: [...scopes] });
  expect((await route.call(signedIn.access_token)).status).toBe(200);
  return { ...operator, email, user, signedIn, route };
}

async function eventsOf({ isolate, keyId }: OperatorAtWork, subjectId: string): Promise<string[]> {
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ subjectId, actorId: keyId, limit: 50 });
  return events.map(({ type, reason }) => (reason === null ? type : `${type} ${reason}`)).sort();
}

test("an account is made with every member said aloud, its owner may sign in at once, and no answer holds a hash", async () => {
  const operator = await givenOperator();
  const { ask, call, isolate } = operator;
  const email = freshAddress();
  const at = new Date(isolate.clock.now()).toISOString();
  const made = await ask<User>(201, "POST", "/users", {
    email: ` ${email}`,
    password: goodPassword,
    scopes: ["orders.read"],
  });
  const shown = {
    id: expect.stringMatching(/^usr_[0-9A-Za-z]{22}$/),
    email,
    scopes: ["orders.read"],
    state: "active",
    created_at: at,
    last_signed_in_at: null,
    password_changed_at: at,
    second_factors: [],
  };
  expect(made).toEqual(shown);
  expect(await eventsOf(operator, made.id)).toEqual(["account.created by_operator"]);
  isolate.clock.advance(1000);
  expect((await signIn(isolate, email)).status).toBe(200);
  const later = new Date(isolate.clock.now()).toISOString();
  for (const path of [`/users/${made.id}`, `/users?email=${encodeURIComponent(email.toUpperCase())}`]) {
    const text = await (await call("GET", path)).text();
    expect(text).not.toMatch(/hash|\$argon2|version/i);
    expect(text).toContain(later);
  }
  expect(await ask(200, "GET", `/users/${made.id}`)).toEqual({ ...shown, last_signed_in_at: later });
});

test("an address that has an account is a conflict, and a password that is too weak makes none", async () => {
  const { ask, call } = await givenOperator();
  const email = freshAddress();
  const weak = await call("POST", "/users", { email, password: "short" });
  await expectProblem(weak, 400, "password_refused");
  expect((await ask<Page>(200, "GET", `/users?email=${email}`)).data).toEqual([]);
  const made = await ask<User>(201, "POST", "/users", { email });
  expect(made).toMatchObject({ password_changed_at: null, scopes: [] });
  await expectProblem(await call("POST", "/users", { email: email.toUpperCase() }), 409, "conflict");
  expect((await ask<Page>(200, "GET", `/users?email=${email}`)).data).toEqual([made]);
});

test("people are listed newest first, page by page, each once; the state is a filter, and the deleted are shown only for it", async () => {
  const { ask, isolate } = await givenOperator();
  const made: User[] = [];
  for (let at = 0; at < 5; at += 1) {
    made.unshift(await ask<User>(201, "POST", "/users", { email: freshAddress() }));
    isolate.clock.advance(1);
  }
  const [gone, off] = [made[1]?.id ?? "", made[3]?.id ?? ""];
  await ask(200, "DELETE", `/users/${gone}`);
  await ask(200, "PATCH", `/users/${off}`, { enabled: false });
  async function read(query: string): Promise<string[]> {
    const ids: string[] = [];
    let cursor = "";
    // Everybody of every test is in this table: only as far as our own oldest.
    while (ids.length < 400 && !ids.includes(made[4]?.id ?? "")) {
      const page = await ask<Page>(200, "GET", `/users?limit=2${query}${cursor}`);
      ids.push(...page.data.map(({ id }) => id));
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    return ids.filter((id) => made.some((user) => user.id === id));
  }
  const ids = made.map(({ id }) => id);
  expect(await read("")).toEqual(ids.filter((id) => id !== gone));
  const of = async (state: string) => {
    const page = await ask<Page>(200, "GET", `/users?state=${state}&limit=200`);
    return page.data.filter(({ id }) => ids.includes(id));
  };
  expect(await of("deleted")).toMatchObject([{ id: gone, email: null, state: "deleted", scopes: [] }]);
  expect((await of("disabled")).map(({ id }) => id)).toEqual([off]);
  expect((await of("active")).map(({ id }) => id)).toEqual(ids.filter((id) => id !== gone && id !== off));
});

test("a scope that is taken away is taken from living tokens too; one that is given ends nothing", async () => {
  const somebody = await givenSomebody();
  const { ask, isolate, route, signedIn, user } = somebody;
  const given = await ask<User>(200, "PATCH", `/users/${user.id}`, {
    scopes: ["orders.read", "orders.list"],
  });
  expect(given).toMatchObject({
    scopes: ["orders.read", "orders.list"],
    effective_everywhere_by: expect.any(String),
  });
  expect((await route.call(signedIn.access_token)).status).toBe(200);
  isolate.clock.advance(1000);
  await ask(200, "PATCH", `/users/${user.id}`, { scopes: ["orders.list"] });
  await expectInvalidToken(await route.call(signedIn.access_token));
  isolate.clock.advance(1000);
  const refreshed = (await (await refresh(isolate, signedIn)).json()) as SignedIn;
  await expectProblem(await route.call(refreshed.access_token), 403, "insufficient_scope");
  expect(await eventsOf(somebody, user.id)).toEqual([
    "account.created by_operator",
    "account.scopes_changed by_operator",
    "account.scopes_changed by_operator",
  ]);
});

test("who is disabled is out at the gateway and cannot come back until enabled; both are idempotent and told once", async () => {
  const somebody = await givenSomebody();
  const { ask, email, isolate, route, signedIn, user } = somebody;
  const by = new Date(isolate.clock.now() + 10_000).toISOString();
  for (const _ of ["once", "again"]) {
    const answer = await ask(200, "PATCH", `/users/${user.id}`, { enabled: false });
    expect(answer).toMatchObject({ state: "disabled", effective_everywhere_by: by });
  }
  await expectInvalidToken(await route.call(signedIn.access_token));
  expect((await refresh(isolate, signedIn)).status).toBe(401);
  await expectProblem(await signIn(isolate, email), 403, "account_disabled");
  for (const _ of ["once", "again"]) {
    expect(await ask(200, "PATCH", `/users/${user.id}`, { enabled: true })).toMatchObject({
      state: "active",
    });
  }
  await expectInvalidToken(await route.call(signedIn.access_token));
  isolate.clock.advance(1000);
  expect((await signIn(isolate, email)).status).toBe(200);
  const events = (await eventsOf(somebody, user.id)).filter((event) => event.startsWith("account."));
  expect(events).toEqual([
    "account.created by_operator",
    "account.disabled by_operator",
    "account.enabled by_operator",
  ]);
});

test("who is deleted is out with sessions, tokens and keys; the address is free, the row is nameless, and again is the same", async () => {
  const somebody = await givenSomebody();
  const { ask, call, email, isolate, route, signedIn, user } = somebody;
  const { key, id: keyId } = await givenKey(isolate, { owner: { type: "user", id: user.id } });
  const reach = { effective_everywhere_by: new Date(isolate.clock.now() + 10_000).toISOString() };
  expect(await ask(200, "DELETE", `/users/${user.id}`)).toEqual(reach);
  await expectInvalidToken(await route.call(signedIn.access_token));
  expect((await refresh(isolate, signedIn)).status).toBe(401);
  await expectProblem(await signIn(isolate, email), 401, "invalid_credentials");
  const refused = await isolate.fetch("/v1/authenticate", { headers: { "x-api-key": key } });
  expect(refused.status).toBe(403);
  expect((await isolate.rooms.apiKeys.get(keyId)).revokedAt).not.toBeNull();
  expect(await ask(200, "GET", `/users/${user.id}`)).toMatchObject({
    email: null,
    state: "deleted",
    scopes: [],
  });
  expect((await mailsTo(isolate, email)).map(({ subject }) => subject)).toEqual([
    expect.stringMatching(/deleted/),
  ]);
  expect(await ask(200, "DELETE", `/users/${user.id}`)).toEqual(reach);
  await expectProblem(await call("PATCH", `/users/${user.id}`, { enabled: true }), 409, "conflict");
  await expectProblem(await call("PATCH", `/users/${user.id}`, { enabled: false }), 409, "conflict");
  await expectProblem(await call("PATCH", `/users/${user.id}`, { scopes: [] }), 409, "conflict");
  expect((await ask<User>(201, "POST", "/users", { email })).id).not.toBe(user.id);
  const events = await eventsOf(somebody, user.id);
  expect(events.filter((event) => event === "account.deleted by_operator")).toHaveLength(1);
});

test("of many who disable, enable or delete at once one does it, every one is told the same, and it is on record once", async () => {
  const somebody = await givenSomebody();
  const { call, isolate, route, signedIn, user } = somebody;
  const path = `/users/${user.id}`;
  const steps = [
    ["PATCH", { enabled: false }, "account.disabled by_operator"],
    ["PATCH", { enabled: true }, "account.enabled by_operator"],
    ["DELETE", undefined, "account.deleted by_operator"],
  ] as const;
  for (const [method, body, event] of steps) {
    const answers = await Promise.all(Array.from({ length: 4 }, () => call(method, path, body)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(texts).size).toBe(1);
    const events = await eventsOf(somebody, user.id);
    expect(events.filter((one) => one === event)).toHaveLength(1);
  }
  await expectInvalidToken(await route.call(signedIn.access_token));
  expect((await refresh(isolate, signedIn)).status).toBe(401);
  expect(await isolate.rooms.accounts.get(user.id)).toMatchObject({ state: "deleted" });
});

test("a forced logout ends every session and token of one person and nobody else's, is on record though no session was left, and the person may sign in again", async () => {
  const somebody = await givenSomebody();
  const { ask, email, isolate, route, signedIn, user } = somebody;
  const other = freshAddress();
  await ask(201, "POST", "/users", { email: other, password: goodPassword, scopes: ["orders.read"] });
  const others = (await (await signIn(isolate, other)).json()) as SignedIn;
  const second = (await (await signIn(isolate, email)).json()) as SignedIn;
  const at = isolate.clock.now();
  expect(await ask(200, "POST", `/users/${user.id}/logout`, {})).toEqual({
    logged_out_at: new Date(at).toISOString(),
    effective_everywhere_by: new Date(at + 10_000).toISOString(),
  });
  for (const gone of [signedIn, second]) {
    await expectInvalidToken(await route.call(gone.access_token));
    expect((await refresh(isolate, gone)).status).toBe(401);
    expect(await eventsOf(somebody, gone.session_id)).toEqual(["session.ended by_operator"]);
  }
  expect((await route.call(others.access_token)).status).toBe(200);
  const again = (await (await signIn(isolate, email)).json()) as SignedIn;
  expect((await route.call(again.access_token)).status).toBe(200);
  await ask(200, "POST", `/users/${user.id}/logout`);
  await ask(200, "POST", `/users/${user.id}/logout`);
  const revoked = (await eventsOf(somebody, user.id)).filter((event) => event.startsWith("token."));
  expect(revoked).toEqual(Array(3).fill("token.revoked by_operator"));
});

test("sessions are listed with device and times and without any secret, and one is ended alone", async () => {
  const { ask, call, email, isolate, route, signedIn, user } = await givenSomebody();
  isolate.clock.advance(1000);
  const second = (await (await signIn(isolate, email)).json()) as SignedIn;
  const path = `/users/${user.id}/sessions`;
  const { data } = await ask<{ data: Record<string, unknown>[]; next_cursor: null }>(200, "GET", path);
  expect(data.map(({ id }) => id)).toEqual([second.session_id, signedIn.session_id]);
  expect(data[0]).toEqual({
    id: second.session_id,
    kind: "native",
    user_agent: "",
    address: isolate.address,
    city: null,
    country: null,
    signed_in_with: ["pwd"],
    auth_level: "one-factor",
    signed_in_at: new Date(isolate.clock.now()).toISOString(),
    last_seen_at: new Date(isolate.clock.now()).toISOString(),
    expires_at: new Date(isolate.clock.now() + 30 * 86_400_000).toISOString(),
  });
  expect(await ask(200, "DELETE", `${path}/${signedIn.session_id}`)).toEqual({
    effective_everywhere_by: new Date(isolate.clock.now() + 10_000).toISOString(),
  });
  await expectInvalidToken(await route.call(signedIn.access_token));
  expect((await route.call(second.access_token)).status).toBe(200);
  await expectProblem(await call("DELETE", `${path}/${signedIn.session_id}`), 404, "not_found");
  expect(await ask(200, "GET", path)).toMatchObject({ data: [{ id: second.session_id }] });
});

test("a session is ended only in its owner's name, and ids of another shape are not looked for", async () => {
  const { ask, call, isolate, route, signedIn, user } = await givenSomebody();
  const other = await ask<User>(201, "POST", "/users", { email: freshAddress() });
  for (const [userId, sessionId] of [
    [other.id, signedIn.session_id],
    [nobody, signedIn.session_id],
    [user.id, signedIn.session_id.toLowerCase()],
    [user.id, `ses_${"0".repeat(22)}`],
    [user.id, user.id],
    [user.id, "..%2f"],
    [signedIn.session_id, user.id],
  ]) {
    const refused = await call("DELETE", `/users/${userId}/sessions/${sessionId}`);
    await expectProblem(refused, 404, "not_found");
  }
  expect((await route.call(signedIn.access_token)).status).toBe(200);
  await isolate.forgetCalls();
  const shapeless = signedIn.session_id.replace("ses_", "usx_");
  for (const [method, path] of [
    ["GET", `/users/${shapeless}`],
    ["POST", `/users/${shapeless}/logout`],
    ["DELETE", `/users/${user.id}/sessions/${unique("ses")}`],
  ] as const) {
    await expectProblem(await call(method, path), 404, "not_found");
  }
  const { summaries } = await isolate.calls();
  expect(summaries.filter((summary) => /accounts|refresh_families|sessions/.test(summary))).toEqual([]);
});

test("a person's own token opens no door of the management API, whatever scopes an operator gave", async () => {
  const { isolate, signedIn, user } = await givenSomebody(["gatehouse:admin"]);
  for (const [method, path] of [
    ["GET", "/users"],
    ["PATCH", `/users/${user.id}`],
    ["POST", "/tokens/revoke"],
  ] as const) {
    const refused = await isolate.fetch(`/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${signedIn.access_token}`, "content-type": "application/json" },
      ...(method === "GET" ? {} : { body: JSON.stringify({ client_id: "first-party", scopes: [] }) }),
    });
    await expectProblem(refused, 401, "invalid_token");
  }
  expect(await isolate.rooms.accounts.get(user.id)).toMatchObject({ scopes: ["gatehouse:admin"] });
});

test("Redis away: the change stands, and the answer says that it is felt later", async () => {
  const { ask, isolate, route, signedIn, user } = await givenSomebody();
  await isolate.redisFault([{ kind: "refuse" }]);
  const at = isolate.clock.now();
  const answer = await ask<{ effective_everywhere_by: string }>(200, "POST", `/users/${user.id}/logout`);
  expect(answer).toMatchObject({ propagation: "delayed" });
  expect(Date.parse(answer.effective_everywhere_by)).toBeGreaterThan(at + 10_000);
  await isolate.redisFault([]);
  await expectInvalidToken(await route.call(signedIn.access_token));
  expect((await refresh(isolate, signedIn)).status).toBe(401);
});
