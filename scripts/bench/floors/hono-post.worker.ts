import { Hono } from "hono";

const app = new Hono();
/** Reads one header and answers JSON: what is left of a key check when nothing is checked. */
app.post("/check", (c) => c.json({ ok: c.req.header("x-api-key") !== undefined }));

export default app;
