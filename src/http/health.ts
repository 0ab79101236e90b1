import { Hono } from "hono";
import type { DoorEnv } from "./visit.ts";

type Probe = () => Promise<unknown>;
type Results = (readonly [string, { readonly status: "ok" | "unavailable"; readonly latency_ms: number }])[];

const knownMilliseconds = 1000;

/** Liveness, and each dependency's state and latency. A dependency that is away is told, not hidden behind a 500. */
export function healthRoutes(options: {
  probes: Readonly<Record<string, Probe>>;
  now: () => number;
}): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  let known: { at: number; results: Results } | null = null;

  /** Strangers may ask too: a flood of questions costs one look a second. */
  async function look(): Promise<Results> {
    if (known && options.now() - known.at < knownMilliseconds) return known.results;
    const at = options.now();
    const results = await Promise.all(
      Object.entries(options.probes).map(async ([name, probe]) => {
        const began = options.now();
        const status = await probe().then(
          () => "ok" as const,
          () => "unavailable" as const,
        );
        return [name, { status, latency_ms: options.now() - began }] as const;
      }),
    );
    known = { at, results };
    return results;
  }

  routes.get("/live", (c) => c.json({ status: "ok" }));
  routes.get("/ready", async (c) => {
    const results = await look();
    const isReady = results.every(([, { status }]) => status === "ok");
    const body = { status: isReady ? "ok" : "degraded", dependencies: Object.fromEntries(results) };
    return c.json(body, isReady ? 200 : 503);
  });
  return routes;
}
