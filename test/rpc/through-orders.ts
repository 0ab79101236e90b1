import { env } from "cloudflare:workers";
import { expect, inject } from "vitest";
import { type FaultRule, setFaults } from "../support/given.ts";
import { rpcLane } from "../support/lane.ts";
import type { Outcome } from "./orders.worker.ts";

/** The bindings of the other Worker: they differ in their props alone. */
export type Binding = "GATEHOUSE" | "OTHER" | "UNNAMED" | "EMPTY";

export const orders = (env as unknown as { ORDERS_API: Fetcher }).ORDERS_API;
export const unknownKey = () => `legacy_${crypto.randomUUID()}`;
export const patience = { timeout: 10_000, interval: 200 };

/** The other Worker calls a method of its binding by name, and says what came of it. */
export async function call(method: string, given: readonly unknown[] = [], binding: Binding = "GATEHOUSE") {
  const body = JSON.stringify([method, ...given]);
  const answer = await orders.fetch(`https://orders.test/call?binding=${binding}`, { method: "POST", body });
  return (await answer.json()) as Outcome;
}

export async function read(path: string): Promise<Outcome> {
  const body = JSON.stringify([path]);
  return (await (await orders.fetch("https://orders.test/read", { method: "POST", body })).json()) as Outcome;
}

/** The other Worker hands over the request it was sent. */
export async function handOver(init: RequestInit, options: unknown = null, binding: Binding = "GATEHOUSE") {
  const url = new URL(`https://orders.test/authenticate?binding=${binding}`);
  url.searchParams.set("options", JSON.stringify(options));
  return (await (await orders.fetch(url.href, init)).json()) as Outcome;
}

export const verify = (key: string, rest: object = {}, binding?: Binding) =>
  call("verifyKey", [{ key, ...rest }], binding);
export const presenting = (key: string, headers: Record<string, string> = {}) => ({
  headers: { "x-api-key": key, ...headers },
});
export const refusal = (status: number, code: string) => ({
  returned: { ok: false, status, code, detail: expect.any(String) },
});

export const ports = () => [inject("stores").neonPort, inject("stores").upstashPort] as const;
export async function storesFault(rules: readonly FaultRule[]): Promise<void> {
  for (const port of ports()) await setFaults(port, rpcLane, rules);
}
