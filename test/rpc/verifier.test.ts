import { describe, expect, test } from "vitest";
import { limits } from "../../src/rate-limits/limits.ts";
import { givenCounters } from "../rate-limits/counters.ts";
import { callsOf, forgetCallsOf, givenIsolate, givenKey, type Isolate, unique } from "../support/given.ts";
import { rpcLane } from "../support/lane.ts";
import {
  handOver,
  orders,
  patience,
  ports,
  presenting,
  refusal,
  storesFault,
  unknownKey,
  verify,
} from "./through-orders.ts";

const operatorAt = (isolate: Isolate) => ({
  actor: { type: "operator", id: "given" } as const,
  origin: { requestId: "given", address: "192.0.2.1", country: null },
  background: isolate.background,
});

describe("over a service binding, a key", () => {
  test("that is good is valid with all that its record says, and a request that bears it is its owner's", async () => {
    const isolate = await givenIsolate();
    const { key, id, record } = await givenKey(isolate, {
      scopes: ["orders.read"],
      metadata: { plan: "pro" },
    });
    expect(await verify(key, { scopes: ["orders.read"] })).toEqual({
      returned: {
        valid: true,
        code: "valid",
        key_id: id,
        name: "given",
        owner: record.owner,
        environment: "live",
        scopes: ["orders.read"],
        metadata: { plan: "pro" },
        expires_at: null,
      },
    });
    expect(await handOver(presenting(key), { scopes: ["orders.read"] })).toEqual({
      returned: {
        ok: true,
        principal: {
          method: "api-key",
          subject: record.owner,
          credentialId: id,
          lineageId: record.lineageId,
          environment: "live",
          scopes: ["orders.read"],
          clientId: id,
          sessionId: null,
          level: null,
          authTime: null,
        },
      },
    });
  });

  test("that is revoked after it was served is refused from the next question on, where the bound is 0", async () => {
    const isolate = await givenIsolate();
    const { key, id } = await givenKey(isolate);
    for (let time = 0; time < 2; time += 1)
      expect(await verify(key)).toMatchObject({ returned: { valid: true } });
    await isolate.rooms.apiKeys.revoke(id, operatorAt(isolate));
    expect(await verify(key)).toMatchObject({ returned: { valid: false, code: "revoked", key_id: id } });
    expect(await handOver(presenting(key))).toEqual(refusal(403, "invalid_api_key"));
  });

  test("that is malformed, forged, unknown, expired or disabled is named exactly by verifyKey and vaguely by authenticate", async () => {
    const isolate = await givenIsolate();
    // Its tag was made with another secret: to Gatehouse a forgery.
    const otherTags = { API_KEY_TAG_SECRETS: "1:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq" };
    const disabled = await givenKey(isolate);
    await isolate.rooms.apiKeys.update(disabled.id, { enabled: false }, operatorAt(isolate));
    for (const [code, key] of [
      ["malformed", "gk_live_0"],
      ["malformed", ""],
      ["forged", (await givenKey(await givenIsolate({ environment: otherTags }))).key],
      ["unknown", unknownKey()],
      ["expired", (await givenKey(isolate, { expiresAt: new Date(1) })).key],
      ["disabled", disabled.key],
    ] as const) {
      expect(await verify(key), code).toMatchObject({ returned: { valid: false, code } });
      const handed = await handOver(presenting(key));
      expect(handed, code).toEqual(
        key === "" ? refusal(401, "missing_api_key") : refusal(403, "invalid_api_key"),
      );
    }
  });

  test("without a scope that is asked for is refused, and the caller is told which of the two it was", async () => {
    const { key } = await givenKey(await givenIsolate(), { scopes: ["orders.read"] });
    const scopes = ["orders.read", "orders.write"];
    expect(await verify(key, { scopes })).toMatchObject({
      returned: { valid: false, code: "insufficient_scope", scopes: ["orders.read"] },
    });
    expect(await handOver(presenting(key), { scopes })).toEqual(refusal(403, "insufficient_scope"));
  });

  test("bound to addresses is good from these alone, and refused when the caller does not say from where", async () => {
    const { key } = await givenKey(await givenIsolate(), { allowedAddresses: ["192.0.2.0/24"] });
    expect(await verify(key, { address: "192.0.2.9" })).toMatchObject({ returned: { valid: true } });
    for (const address of ["198.51.100.1", "192.0.2.9.", null])
      expect(await verify(key, { address })).toMatchObject({ returned: { code: "address_not_allowed" } });
    const from = (address: string) => handOver(presenting(key, { "cf-connecting-ip": address }));
    expect(await from("192.0.2.9")).toMatchObject({ returned: { ok: true } });
    expect(await from("198.51.100.1")).toEqual(refusal(403, "address_not_allowed"));
    expect(await handOver(presenting(key))).toEqual(refusal(403, "address_not_allowed"));
  });

  test("spends one limit by the cost of each use, whichever method was asked, and is told when to come again", async () => {
    const { key } = await givenKey(await givenIsolate(), {
      limits: [{ name: "credits", limit: 10, windowSeconds: 3600 }],
    });
    expect(await verify(key, { cost: 4 })).toMatchObject({
      returned: { valid: true, limits: [{ name: "credits", limit: 10, window_seconds: 3600, remaining: 6 }] },
    });
    expect(await handOver(presenting(key), { cost: 5 })).toMatchObject({ returned: { ok: true } });
    const over = await handOver(presenting(key), { cost: 2 });
    expect(over).toEqual({
      returned: { ...refusal(429, "rate_limited").returned, retry_after_seconds: expect.any(Number) },
    });
    expect(await verify(key, { cost: 2 })).toMatchObject({
      returned: { valid: false, code: "rate_limited", retry_after_seconds: expect.any(Number) },
    });
    // What was refused took nothing, and a question that costs nothing takes nothing.
    expect(await verify(key, { cost: 0 })).toMatchObject({ returned: { limits: [{ remaining: 1 }] } });
    expect(await verify(key)).toMatchObject({ returned: { valid: true, limits: [{ remaining: 0 }] } });
  });
});

test("a Worker asks for the verdict first and reads the order afterwards, as the documentation says", async () => {
  const { key, record } = await givenKey(await givenIsolate(), { scopes: ["orders.write"] });
  const place = (headers: Record<string, string>) =>
    orders.fetch("https://orders.test/orders", { method: "POST", headers, body: '{"item":"tea"}' });
  const placed = await place({ "x-api-key": key });
  expect([placed.status, await placed.json()]).toEqual([
    201,
    { orderedBy: record.owner, order: { item: "tea" } },
  ]);
  const refused = await place({});
  expect([refused.status, await refused.json()]).toEqual([401, { error: "missing_api_key" }]);
});

test.each([0, 1, 5_000_000])("a request with a body of %i bytes is judged like any other", async (bytes) => {
  const { key } = await givenKey(await givenIsolate());
  const init = { method: "POST", body: new Uint8Array(bytes), ...presenting(key) };
  expect(await handOver(init)).toMatchObject({ returned: { ok: true } });
});

test("a request that is handed over whole takes its body along, so the caller cannot read it twice", async () => {
  const asked = await orders.fetch("https://orders.test/body-afterwards", { method: "POST", body: "tea" });
  expect(await asked.json()).toEqual({ bodyUsed: true });
});

test("a binding whose props name nobody gets no verdict on any key, by either method, and costs no call", async () => {
  const { key } = await givenKey(await givenIsolate());
  for (const binding of ["UNNAMED", "EMPTY"] as const) {
    await forgetCallsOf(ports(), rpcLane);
    expect(await verify(key, {}, binding)).toEqual(refusal(403, "caller_unnamed"));
    expect(await handOver(presenting(key), null, binding)).toEqual(refusal(403, "caller_unnamed"));
    expect(await callsOf(ports(), rpcLane)).toMatchObject({ postgres: 0, redis: 0 });
  }
});

test.each([{ kind: "refuse" }, { kind: "status", status: 500 }, { kind: "garble" }] as const)(
  "with both stores at fault ($kind) the answer is a verdict that says when to come again, and the key is served once they are well",
  async (fault) => {
    const { key } = await givenKey(await givenIsolate());
    await storesFault([fault]);
    try {
      expect(await verify(key)).toEqual({
        returned: { valid: false, code: "unavailable", retry_after_seconds: expect.any(Number) },
      });
      expect(await handOver(presenting(key))).toEqual({
        returned: { ...refusal(503, "unavailable").returned, retry_after_seconds: expect.any(Number) },
      });
    } finally {
      await storesFault([]);
    }
    // The deployed Worker's clock is the real one: Redis rests for a second after its fault.
    await expect.poll(() => verify(key), patience).toMatchObject({ returned: { valid: true } });
  },
);

test("a Worker through which somebody guesses is braked, and the Worker beside it is not", async () => {
  const { key } = await givenKey(await givenIsolate());
  // All that it may guess in a minute, seen by other isolates.
  const limit = limits.refusedUnknownOfCaller;
  await (await givenCounters()).take([{ limit, subject: "caller:worker:billing", cost: limit.permits }]);
  await expect
    .poll(() => verify(unknownKey(), {}, "OTHER"), patience)
    .toMatchObject({ returned: { valid: false, code: "rate_limited" } });
  expect(await handOver(presenting(unknownKey()), null, "OTHER")).toMatchObject({
    returned: { ok: false, status: 429, code: "rate_limited" },
  });
  expect(await verify(unknownKey())).toMatchObject({ returned: { code: "unknown" } });
  expect(await verify(key)).toMatchObject({ returned: { valid: true } });
});

test("a refused request is recorded with the Worker that handed it over", async () => {
  const isolate = await givenIsolate();
  const requestId = unique("rpc");
  // An address of its own: refusals of one address in one moment are counted together.
  const address = `2001:db8::${crypto.randomUUID().slice(0, 4)}:5`;
  await handOver(presenting(unknownKey(), { "x-request-id": requestId, "cf-connecting-ip": address }));
  await expect
    .poll(() => isolate.rooms.audit.list({ requestId, limit: 5 }), patience)
    .toMatchObject([{ type: "key.refused", reason: "unknown", subject: { type: "service", id: "orders" } }]);
});

test("a cost above the key's limit is refused with a sentence that tells of no wait", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { limits: [{ name: "own", limit: 5, windowSeconds: 60 }] });
  expect(await handOver(presenting(key), { cost: 6 })).toEqual({
    returned: {
      ok: false,
      code: "rate_limited",
      status: 429,
      detail: "The cost is above the limit: no wait will grant it.",
    },
  });
  expect(await handOver(presenting(key), { cost: 5 })).toMatchObject({ returned: { ok: true } });
});

test("a request whose URL holds a credential is refused over RPC too, and a key in it counts as leaked", async () => {
  const isolate = await givenIsolate();
  const good = await givenKey(isolate);
  const leaked = await givenKey(isolate);
  const url = `https://orders.test/authenticate?binding=GATEHOUSE&options=null&q=${leaked.key}`;
  const answer = await orders.fetch(url, { headers: { "x-api-key": good.key } });
  expect(await answer.json()).toMatchObject(refusal(400, "credentials_in_url"));
  await expect
    .poll(async () => (await isolate.rooms.apiKeys.get(leaked.id)).exposedAt, { timeout: 5000 })
    .not.toBeNull();
  expect((await isolate.rooms.apiKeys.get(good.id)).exposedAt).toBeNull();
});
