import { Redis } from "@upstash/redis/cloudflare";
import { Hono } from "hono";

type Bindings = { UPSTASH_REDIS_REST_URL: string; UPSTASH_REDIS_REST_TOKEN: string };

const app = new Hono<{ Bindings: Bindings }>();
let client: Redis | undefined;

/** The settings of src/storage/redis.ts: what differs from Gatehouse is then Gatehouse alone. */
const connect = (env: Bindings): Redis =>
  new Redis({
    url: env.UPSTASH_REDIS_REST_URL,
    token: env.UPSTASH_REDIS_REST_TOKEN,
    retry: { retries: 0, backoff: () => 0 },
    signal: () => AbortSignal.timeout(250),
    automaticDeserialization: false,
    enableTelemetry: false,
    enableAutoPipelining: false,
    readYourWrites: false,
    responseEncoding: false,
  });

/** The least a strict check can be: one header, one pipeline with one look-up, one answer. */
app.post("/check", async (c) => {
  client ??= connect(c.env);
  const pipeline = client.pipeline();
  pipeline.get(`revoked:${c.req.header("x-client") ?? ""}`);
  const [reply] = await pipeline.exec<{ result?: unknown }[]>({ keepErrors: true });
  return c.json({ ok: reply?.result === null });
});

export default app;
