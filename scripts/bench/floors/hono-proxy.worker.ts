import { Hono } from "hono";

type Bindings = { UPSTREAM: string };

const app = new Hono<{ Bindings: Bindings }>();

/** Streams both ways and copies the headers both ways; knows nobody and refuses nothing. */
app.all("/gateway/bench/*", async (c) => {
  const { raw } = c.req;
  const { pathname, search } = new URL(raw.url);
  const answer = await fetch(`${c.env.UPSTREAM}${pathname.slice("/gateway/bench".length)}${search}`, {
    method: raw.method,
    headers: new Headers(raw.headers),
    body: raw.body,
    redirect: "manual",
  });
  return new Response(answer.body, { status: answer.status, headers: new Headers(answer.headers) });
});

export default app;
