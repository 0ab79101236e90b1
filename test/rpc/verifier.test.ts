import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { RpcVerdict } from "../../src/rpc.ts";
import { givenIsolate, givenKey } from "../support/given.ts";

type Answer = RpcVerdict & { valid?: boolean; code?: string; key_id?: string };
type Stub = {
  verifyKey(input: unknown): Promise<Answer>;
  authenticate(request: Request, options?: unknown): Promise<Answer>;
};

/** The entrypoint as another Worker's binding reaches it: over RPC, with the binding's props. */
const bound = (props: object): Stub =>
  (exports as unknown as { Verifier(options: { props: object }): Stub }).Verifier({ props });

test("a Worker whose binding names it gets verdicts on keys and requests", async () => {
  const isolate = await givenIsolate();
  const { key, id } = await givenKey(isolate, { scopes: ["orders.read"] });
  const verifier = bound({ caller: "billing" });
  expect(await verifier.verifyKey({ key })).toMatchObject({ valid: true, code: "valid", key_id: id });
  expect(await verifier.verifyKey({ key, scopes: ["other"] })).toMatchObject({
    valid: false,
    code: "insufficient_scope",
  });
  const request = new Request("https://billing.test/", { headers: { "x-api-key": key } });
  expect(await verifier.authenticate(request, { scopes: ["orders.read"] })).toMatchObject({
    ok: true,
    principal: { credentialId: id },
  });
});

test("what is wrong is answered, never thrown: bad arguments, no key, a caller nobody named", async () => {
  const verifier = bound({ caller: "billing" });
  expect(await verifier.verifyKey({ nonsense: true })).toMatchObject({ ok: false, code: "invalid_input" });
  expect(await verifier.authenticate(new Request("https://billing.test/"))).toMatchObject({
    ok: false,
    code: "missing_api_key",
    status: 401,
  });
  expect(await bound({}).verifyKey({ key: "x" })).toMatchObject({
    ok: false,
    code: "caller_unnamed",
    status: 403,
  });
});

test("a cost above the key's limit is refused with a sentence that tells of no wait", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { limits: [{ name: "own", limit: 5, windowSeconds: 60 }] });
  const request = () => new Request("https://billing.test/", { headers: { "x-api-key": key } });
  expect(await bound({ caller: "billing" }).authenticate(request(), { cost: 6 })).toEqual({
    ok: false,
    code: "rate_limited",
    status: 429,
    detail: "The cost is above the limit: no wait will grant it.",
  });
  expect(await bound({ caller: "billing" }).authenticate(request(), { cost: 5 })).toMatchObject({ ok: true });
});

test("a request whose URL holds a credential is refused over RPC too, and a key in it counts as leaked", async () => {
  const isolate = await givenIsolate();
  const good = await givenKey(isolate);
  const leaked = await givenKey(isolate);
  const headers = { "x-api-key": good.key };
  const request = new Request(`https://billing.test/a?q=${leaked.key}`, { headers });
  expect(await bound({ caller: "billing" }).authenticate(request)).toMatchObject({
    ok: false,
    code: "credentials_in_url",
    status: 400,
  });
  await expect
    .poll(async () => (await isolate.rooms.apiKeys.get(leaked.id)).exposedAt, { timeout: 5000 })
    .not.toBeNull();
  expect((await isolate.rooms.apiKeys.get(good.id)).exposedAt).toBeNull();
});
