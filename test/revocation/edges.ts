import { expect, inject } from "vitest";
import { feedKeys } from "../../src/revocation/feed-scripts.ts";
import { createClock } from "../support/clock.ts";
import { givenIsolate, type Isolate } from "../support/given.ts";

/**
 * Several edges of one Gatehouse: caches and feeds of their own, one clock. Their Redis is the one that may lose its
 * memory, so that nothing of it concerns other files.
 */
export async function givenEdges(boundSeconds: number, count = 3, clock = createClock()) {
  const environment = { REVOCATION_BOUND_SECONDS: String(boundSeconds) };
  const made = await Promise.all(
    Array.from({ length: count }, () => givenIsolate({ clock, environment, forgetfulRedis: true })),
  );
  const [a, b, c = a] = made;
  if (!a || !b || !c) throw new Error("a test of edges needs two at least");
  const settle = async () => {
    for (const edge of made) await edge.settle();
  };
  return { clock, edges: made, a, b, c, settle };
}

/** Somebody entitled to change keys, at this edge. */
export const operatorAt = (edge: Isolate) => ({
  actor: { type: "operator", id: "given" } as const,
  origin: { requestId: "given", address: "192.0.2.1", country: null },
  background: edge.background,
});

export const revokeAt = (edge: Isolate, id: string) => edge.rooms.apiKeys.revoke(id, operatorAt(edge));

/** This edge reads the feed now, as it does behind an answer. */
export const hearNews = (edge: Isolate) => edge.rooms.revocation.refreshBehind();

/** Says something to the Redis of these edges, past every fault. */
export async function tellRedis(...command: (string | number)[]): Promise<unknown> {
  const { forgetfulRedis, upstashToken } = inject("stores");
  const response = await fetch(forgetfulRedis.url, {
    method: "POST",
    headers: { authorization: `Bearer ${upstashToken}` },
    body: JSON.stringify(command),
  });
  const answer = (await response.json()) as { result?: unknown; error?: string };
  expect(answer.error).toBeUndefined();
  return answer.result;
}

/** Redis comes back without the feed: a flush, or a failover to a server that never had it. */
export const forgetFeed = () => tellRedis("DEL", ...feedKeys);

export const feedMembers = async (): Promise<string[]> =>
  (await tellRedis("ZRANGE", feedKeys[0] ?? "", 0, -1)) as string[];

/** Redis fails over to a server that never had the newest change. */
export async function loseNewestChange(): Promise<void> {
  await tellRedis("ZREMRANGEBYRANK", feedKeys[0] ?? "", -1, -1);
  await tellRedis("DECR", feedKeys[1] ?? "");
}
