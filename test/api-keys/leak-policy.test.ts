import { expect, test } from "vitest";
import { createKeyFormat } from "../../src/api-keys/key-format.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate } from "../support/given.ts";
import { eventsAbout, givenManagement, present, rowOf, verdictOn } from "./management.ts";

const day = 86_400_000;

/** The key goes where no key may be: into a URL. */
async function leak(isolate: Isolate, key: string): Promise<Response> {
  const response = await isolate.fetch(`/health/live?note=${key}`);
  await isolate.settle();
  return response;
}

test("whatever the policy, a key in a URL is refused and flagged, with the time at which it was first seen there", async () => {
  for (const policy of ["flag", "expire", "revoke"]) {
    const { isolate, manage } = await givenManagement({ environment: { LEAKED_KEY_POLICY: policy } });
    const { key, id } = await givenKey(isolate);
    const answer = await leak(isolate, key);
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain(key);
    const seenAt = new Date(isolate.clock.now()).toISOString();
    isolate.clock.advance(5000);
    await leak(isolate, key);
    expect((await manage("GET", `/keys/${id}`)).body.exposed_at, policy).toBe(seenAt);
    expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.exposed credential_in_url"]);
  }
});

test("the policy flag leaves the key working", async () => {
  const { isolate, manage } = await givenManagement({ environment: { LEAKED_KEY_POLICY: "flag" } });
  const { key, id } = await givenKey(isolate);
  await leak(isolate, key);
  expect(await verdictOn(isolate, key)).toMatchObject({ valid: true });
  expect((await manage("GET", `/keys/${id}`)).body).toMatchObject({ status: "active", expires_at: null });
});

test("the policy expire gives the owner a day to rotate, to the millisecond, and every edge knows", async () => {
  const { isolate, manage } = await givenManagement({ environment: { LEAKED_KEY_POLICY: "expire" } });
  const elsewhere = await givenIsolate({ clock: isolate.clock });
  const { key, id } = await givenKey(isolate);
  expect((await verdictOn(elsewhere, key)).valid).toBe(true);
  await leak(isolate, key);
  const end = new Date(isolate.clock.now() + day);
  expect((await manage("GET", `/keys/${id}`)).body.expires_at).toBe(end.toISOString());
  isolate.clock.advance(day - 1);
  expect((await verdictOn(elsewhere, key)).valid).toBe(true);
  isolate.clock.advance(1);
  for (const edge of [isolate, elsewhere])
    expect(await verdictOn(edge, key)).toMatchObject({ valid: false, code: "expired" });
});

test("the policy expire never lengthens a life that ends sooner", async () => {
  const { isolate } = await givenManagement({ environment: { LEAKED_KEY_POLICY: "expire" } });
  const expiresAt = new Date(isolate.clock.now() + 60_000);
  const { key, id } = await givenKey(isolate, { expiresAt });
  await leak(isolate, key);
  expect(Date.parse(String((await rowOf(isolate, id))["expires_at"]))).toBe(expiresAt.getTime());
});

test("the policy revoke ends the key at this edge at once and everywhere within the bound", async () => {
  const { isolate, manage } = await givenManagement({ environment: { LEAKED_KEY_POLICY: "revoke" } });
  const elsewhere = await givenIsolate({ clock: isolate.clock });
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  expect((await present(elsewhere, route, key)).status).toBe(200);
  await leak(isolate, key);
  expect(await present(isolate, route, key)).toMatchObject({
    status: 403,
    body: { error: "Invalid API Key" },
  });
  expect((await manage("GET", `/keys/${id}`)).body.status).toBe("revoked");
  isolate.clock.advance(10_001);
  expect(await present(elsewhere, route, key)).toMatchObject({ status: 403 });
});

test("a key sent over plain HTTP is exposed too", async () => {
  const { isolate } = await givenManagement({ environment: { LEAKED_KEY_POLICY: "revoke" } });
  const { key, id } = await givenKey(isolate);
  const answer = await isolate.fetch("http://auth.gatehouse.test/health/live", {
    headers: { "x-api-key": key },
  });
  expect(answer.status).toBe(403);
  await isolate.settle();
  expect(await verdictOn(isolate, key)).toMatchObject({ valid: false, code: "revoked" });
  expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.exposed plain_http"]);
});

test("what is no key of ours, or opens nothing any more, costs no look-up or leaves no trace", async () => {
  const { isolate, manage } = await givenManagement({ environment: { LEAKED_KEY_POLICY: "revoke" } });
  const { key, id } = await givenKey(isolate);
  await manage("PATCH", `/keys/${id}`, { enabled: false });
  await leak(isolate, key);
  expect(await eventsAbout(isolate, id)).toEqual(["key.created", "key.disabled"]);

  const stranger = await createKeyFormat([
    { version: 1, secret: crypto.getRandomValues(new Uint8Array(32)) },
  ]);
  await isolate.settle();
  await isolate.forgetCalls();
  expect((await leak(isolate, await stranger.make("live"))).status).toBe(400);
  const { summaries, redis } = await isolate.calls();
  // The refusal itself goes to audit; nothing is looked up.
  expect(summaries.flat()).toEqual(["INSERT"]);
  expect(redis).toBe(0);
});

test("a key that is sent in URL after URL is looked up once a minute, whoever sends it", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  await leak(isolate, key);
  await isolate.forgetCalls();
  const lookUps = async () =>
    (await isolate.calls()).summaries.filter((summary) => /^select\b/i.test(summary)).length;
  for (let again = 0; again < 20; again += 1) await leak(isolate, key);
  expect(await lookUps()).toBe(0);
  isolate.clock.advance(60_001);
  for (let again = 0; again < 20; again += 1) await leak(isolate, key);
  expect(await lookUps()).toBe(1);
});
