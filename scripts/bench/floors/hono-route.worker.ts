import { Hono } from "hono";

const app = new Hono();
const body = JSON.stringify({ keys: [] });
app.get("/route", (c) => c.body(body, 200, { "content-type": "application/json" }));

export default app;
