import type { Socket } from "node:net";

/** Which twin a request arrived at. */
export type Store = "neon" | "upstash" | "mailbox";

/**
 * What goes wrong, and whether the command was carried out before it did:
 *
 * - `refuse`: the connection is reset, nothing ran. fetch throws.
 * - `hang`: nothing ran and no answer comes; clearing the lane resets the connection.
 * - `slow`: waits `ms`, then runs and answers as usual.
 * - `status`: answers `status` and `body`, nothing ran.
 * - `garble`: ran; answers 200 with broken JSON.
 * - `partial`: ran; the body ends half way though its length was announced.
 * - `drop-after`: ran; the connection is reset without an answer.
 */
export type FaultRule = FaultCondition &
  (
    | { kind: "refuse" | "hang" | "garble" | "partial" | "drop-after" }
    | { kind: "slow"; ms: number }
    | { kind: "status"; status: number; body?: string }
  );

export interface FaultCondition {
  /** How many requests it hits before it is gone; without it, all until cleared. */
  times?: number;
  /** How many matching requests pass unharmed first. */
  after?: number;
  /** Text the request must contain: its path, a line break, its body. */
  match?: string | { regex: string; flags?: string };
  /** Only at this twin, when several share one set of faults. */
  store?: Store;
}

export interface Call {
  /** Milliseconds since the epoch. */
  at: number;
  store: Store;
  /** Redis command names, or the first keyword of each SQL statement, upper case. */
  summary: string[];
  /** The first 2 KB of the body, or of the path where there is no body. */
  body: string;
  /** The fault that hit it, or null. */
  fault: FaultRule["kind"] | null;
}

interface Lane {
  rules: FaultRule[];
  held: Set<Socket>;
  calls: Call[];
  count: number;
}

/** Bounds, so that a long run with a lane for each test does not grow without end. */
const CALLS_KEPT_MAX = 1000;
const LANES_MAX = 5000;
const BODY_KEPT_CHARS = 2048;

/** The lane of requests that name none. */
export const DEFAULT_LANE = "default";

/**
 * Faults and call counts, by lane: one twin serves many tests at once, and each sees only its own lane's
 * rules and counts. Data is shared by all lanes.
 */
export function createFaults() {
  const lanes = new Map<string, Lane>();

  function laneNamed(name: string): Lane {
    const known = lanes.get(name);
    if (known) return known;
    if (lanes.size >= LANES_MAX) forgetOldestQuietLane(lanes);
    const lane: Lane = { rules: [], held: new Set(), calls: [], count: 0 };
    lanes.set(name, lane);
    return lane;
  }

  /** Replaces the lane's rules; what an earlier `hang` still holds is reset. */
  function set(name: string, rules: readonly FaultRule[]): void {
    const lane = laneNamed(name);
    lane.rules = rules.map((rule) => ({ ...rule }));
    release(lane);
  }

  /** The rule that hits this request, its counters moved on; null when none does. */
  function take(name: string, store: Store, text: string): FaultRule | null {
    const { rules } = laneNamed(name);
    for (const rule of rules) {
      if (!ruleMatches(rule, store, text)) continue;
      if (rule.after !== undefined && rule.after > 0) {
        rule.after -= 1;
        continue;
      }
      if (rule.times !== undefined) {
        rule.times -= 1;
        if (rule.times <= 0) rules.splice(rules.indexOf(rule), 1);
      }
      return rule;
    }
    return null;
  }

  function record(name: string, call: Call): void {
    const lane = laneNamed(name);
    lane.count += 1;
    lane.calls.push({ ...call, body: call.body.slice(0, BODY_KEPT_CHARS) });
    if (lane.calls.length > CALLS_KEPT_MAX) lane.calls.shift();
  }

  return {
    set,
    take,
    record,
    clear: (name: string) => set(name, []),
    /** Keeps an unanswered connection until the lane is cleared. */
    hold(name: string, socket: Socket): void {
      const { held } = laneNamed(name);
      held.add(socket);
      socket.once("close", () => held.delete(socket));
    },
    /** All requests counted since the last `forgetCalls`; the newest 1000 of them in full, oldest first. */
    calls(name: string): { count: number; calls: Call[] } {
      const lane = laneNamed(name);
      return { count: lane.count, calls: [...lane.calls] };
    },
    forgetCalls(name: string): void {
      const lane = laneNamed(name);
      lane.calls = [];
      lane.count = 0;
    },
  };
}

export type Faults = ReturnType<typeof createFaults>;

function ruleMatches(rule: FaultRule, store: Store, text: string): boolean {
  if (rule.store !== undefined && rule.store !== store) return false;
  if (rule.match === undefined) return true;
  if (typeof rule.match === "string") return text.includes(rule.match);
  return new RegExp(rule.match.regex, rule.match.flags).test(text);
}

function release(lane: Lane): void {
  for (const socket of lane.held) reset(socket);
  lane.held.clear();
}

/**
 * Resets a connection. One whose client has gone is already ending: Node refuses to reset it and keeps a handle that can
 * never be closed, and the process would not end. It has nobody to notice, so it is closed.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function forgetOldestQuietLane(lanes: Map<string, Lane>): void {
  for (const [name, lane] of lanes) {
    if (lane.rules.length > 0 || lane.held.size > 0) continue;
    lanes.delete(name);
    return;
  }
}

const KINDS = new Set(["refuse", "hang", "slow", "status", "garble", "partial", "drop-after"]);

/** Rules from a test, over HTTP: a misspelt rule that hits nothing would let a fault test pass by itself. */
export function parseFaultRules(text: string): FaultRule[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new Error("the body must be a JSON array of fault rules");
  for (const rule of value as Record<string, unknown>[]) {
    if (!KINDS.has(String(rule["kind"]))) throw new Error(`no fault of kind ${JSON.stringify(rule["kind"])}`);
    if (rule["kind"] === "slow" && typeof rule["ms"] !== "number") throw new Error("slow needs ms");
    if (rule["kind"] === "status" && typeof rule["status"] !== "number")
      throw new Error("status needs status");
  }
  return value as FaultRule[];
}
