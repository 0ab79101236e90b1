import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { RpcVerdict } from "../../src/rpc.ts";
import { givenIsolate } from "../support/given.ts";
import { givenAccessToken } from "../support/given-tokens.ts";

type Stub = { authenticate(request: Request, options?: unknown): Promise<RpcVerdict> };
const bound = (props: object): Stub =>
  (exports as unknown as { Verifier(options: { props: object }): Stub }).Verifier({ props });

const requestWith = (text: string) =>
  new Request("https://billing.test/", { headers: { authorization: `Bearer ${text}` } });

test("a Worker gets the verdict on an access token as it does on a key: whose, what for, how strongly", async () => {
  const isolate = await givenIsolate();
  const { accessToken, jti, grant } = await givenAccessToken(isolate, { scopes: ["orders:read"] });
  const verifier = bound({ caller: "billing" });
  expect(await verifier.authenticate(requestWith(accessToken), { scopes: ["orders:read"] })).toMatchObject({
    ok: true,
    principal: {
      method: "access-token",
      subject: { type: "user", id: grant.subject },
      credentialId: jti,
      sessionId: grant.sessionId,
      clientId: "first-party",
      level: "one-factor",
      scopes: ["orders:read"],
    },
  });
  expect(await verifier.authenticate(requestWith(accessToken), { scopes: ["orders:write"] })).toMatchObject({
    ok: false,
    code: "insufficient_scope",
    status: 403,
  });
});

test("a forged token, one for another audience and one without the caller's name are refused in words", async () => {
  const isolate = await givenIsolate();
  const { accessToken } = await givenAccessToken(isolate);
  const elsewhere = await givenAccessToken(isolate, { audience: "urn:elsewhere" });
  const verifier = bound({ caller: "billing" });
  for (const text of [`${accessToken.slice(0, -20)}${"A".repeat(20)}`, elsewhere.accessToken, "x"]) {
    expect(await verifier.authenticate(requestWith(text))).toMatchObject({
      ok: false,
      code: "invalid_token",
      status: 401,
    });
  }
  expect(await bound({}).authenticate(requestWith(accessToken))).toMatchObject({ code: "caller_unnamed" });
});
