import { readConfig } from "./env.ts";
import { type Rooms, wire } from "./wiring.ts";

let wired: Rooms | undefined;
let argon2: WebAssembly.Module | undefined;

/** Said once by the entry, before any request: `fetch`, cron and RPC then find their rooms alike. */
export function handOver(modules: { readonly argon2: WebAssembly.Module }): void {
  ({ argon2 } = modules);
}

/**
 * This isolate's rooms. Two first requests at once wire twice and keep one: a value is shared, never a promise,
 * since a promise of one request must not be awaited by another.
 */
export async function roomsOf(environment: Readonly<Record<string, unknown>>): Promise<Rooms> {
  if (wired) return wired;
  if (!argon2) throw new Error("the entry has not handed over argon2");
  const made = await wire(readConfig(environment), { argon2 });
  wired ??= made;
  return wired;
}
