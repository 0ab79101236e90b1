import { Hono } from "hono";
import { type CryptoKey, importJWK, jwtVerify } from "jose";

type Bindings = { ISSUER: string; PUBLIC_JWK: string };

const app = new Hono<{ Bindings: Bindings }>();
let key: CryptoKey | Uint8Array | undefined;

/** jose alone: signature, type, times, issuer and audience; no denylist, no scope, nobody told. */
app.post("/check", async (c) => {
  key ??= await importJWK(JSON.parse(c.env.PUBLIC_JWK), "RS256");
  const text = c.req.header("authorization")?.slice("Bearer ".length) ?? "";
  const { payload } = await jwtVerify(text, key, {
    algorithms: ["RS256"],
    typ: "at+jwt",
    issuer: c.env.ISSUER,
    audience: c.env.ISSUER,
  });
  return c.json({ ok: payload.sub !== undefined });
});

export default app;
