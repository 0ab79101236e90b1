import { refusal } from "../stack/refusal.ts";
import { type Bench, drive, prepare } from "./measure.ts";
import type { Provision } from "./provision.ts";
import { requestOf } from "./requests.ts";
import { type Bundle, type Running, serveWorker } from "./runtime.ts";
import { environmentOf, type ProcessName } from "./subjects.ts";

export type Memory = {
  /** After the same number of requests. */
  readonly honoBytes: number;
  readonly oneKeyBytes: number;
  /** Gatehouse again, after so many different valid keys. */
  readonly byKeysSeen: readonly { readonly keys: number; readonly bytes: number }[];
};
export type MemoryPlan = { readonly requests: number; readonly keySteps: readonly number[] };

const honoName = "hono-post";
const ourName = "gatehouse";

/** Two fresh processes under one load: the same requests, then ever new keys for Gatehouse. */
export async function measureMemory(
  bench: Pick<Bench, "farSide" | "load">,
  given: Provision,
  bundles: ReadonlyMap<ProcessName, Bundle>,
  plan: MemoryPlan,
): Promise<Memory> {
  await using closing = new AsyncDisposableStack();
  const start = async (name: ProcessName): Promise<Running> => {
    const bundle = bundles.get(name);
    if (!bundle) throw refusal(`${name} was not built.`);
    const running = await serveWorker(bundle, `${name}-memory`, environmentOf(name, given));
    closing.defer(() => running.stop());
    return running;
  };
  const [hono, ours] = [await start(honoName), await start(ourName)];
  const processes = new Map<ProcessName, Running>([
    [honoName, hono],
    [ourName, ours],
  ]);
  const send = async (process: ProcessName, path: string, keys: readonly string[], answers: number) => {
    const requests = keys.map((key) => requestOf("POST", path, { key }));
    const driven = { name: `memory of ${process}`, title: `${process}, asked for its memory,` };
    await prepare({ ...bench, processes }, { ...driven, process, requests, expect: { status: 200 } });
    await drive(bench, driven, { answers });
  };

  await send(honoName, "/check", [given.keys.plain], plan.requests);
  await send(ourName, "/v1/authenticate", [given.keys.plain], plan.requests);
  const [honoBytes, oneKeyBytes] = [hono.residentBytes(), ours.residentBytes()];

  await bench.farSide.ask({ do: "replay", on: true });
  const byKeysSeen: { keys: number; bytes: number }[] = [];
  let seen = 0;
  for (const keys of plan.keySteps) {
    const fresh = await Promise.all(Array.from({ length: keys - seen }, () => given.makeValidKey()));
    await send(ourName, "/v1/authenticate", fresh, fresh.length);
    seen = keys;
    byKeysSeen.push({ keys, bytes: ours.residentBytes() });
  }
  await bench.farSide.ask({ do: "replay", on: false });
  return { honoBytes, oneKeyBytes, byKeysSeen };
}
