// Gatehouse's own rooms behind a bare Hono route each: what no door of ours does alone. `/v1/authenticate` also signs
// an identity token for each new caller, and no route gives out an access token without a store.
import argon2 from "@phi-ag/argon2/argon2.wasm";
import { Hono } from "hono";
import { visitOf } from "../../../src/app.ts";
import { handOver, roomsOf } from "../../../src/rooms.ts";
import { accessTokenTyp, claimsOf } from "../../../src/tokens/access-token.ts";
import { benchScope, grantOf } from "../grant.ts";

handOver({ argon2 });

const app = new Hono<{ Bindings: Readonly<Record<string, unknown>> }>();

app.post("/check", async (c) => {
  const rooms = await roomsOf(c.env);
  const visit = visitOf(c.req.raw, rooms, (work) => c.executionCtx.waitUntil(work));
  const verdict = await rooms.authentication.authenticate(c.req.raw.headers, {
    credentials: ["access-token"],
    scopes: [benchScope],
    audiences: [rooms.config.issuer],
    limits: [],
    routeId: "bench",
    cost: 1,
    visit,
  });
  return c.json({ ok: verdict.ok }, verdict.ok ? 200 : 401);
});

app.post("/issue", async (c) => {
  const { accessTokens, config } = await roomsOf(c.env);
  return c.json(await accessTokens.issue(grantOf(config.issuer)));
});

/** No grant names its algorithm yet: the same claims, asked of the room that signs. */
app.post("/issue-es256", async (c) => {
  const { signingKeys, config } = await roomsOf(c.env);
  const { issuer, accessTokenSeconds: lifeSeconds } = config;
  const claims = claimsOf(grantOf(issuer), { issuer, at: Date.now(), lifeSeconds });
  return c.json({ accessToken: await signingKeys.sign("access-token", accessTokenTyp, claims, "ES256") });
});

export default app;
