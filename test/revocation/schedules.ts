import fc from "fast-check";
import { verdictOn } from "../api-keys/management.ts";
import { type FaultRule, givenKey, type Isolate, unique } from "../support/given.ts";
import { forgetFeed, givenEdges, operatorAt, revokeAt } from "./edges.ts";
import { createSlowNetwork, type SlowNetwork } from "./held-answers.ts";
import { judge, type KnownKey, nothingPromised, type Promised, type Use } from "./promises.ts";

/** What the schedule has brought about so far: the edges, and what was promised of each key. */
export type World = Awaited<ReturnType<typeof givenWorld>>;
type Reach = { readonly effectiveEverywhereBy: Date };
export type Step = fc.AsyncCommand<object, World>;

export async function givenWorld(boundSeconds: number) {
  const given = await givenEdges(boundSeconds);
  return {
    ...given,
    boundSeconds,
    network: createSlowNetwork() as SlowNetwork,
    keys: [] as KnownKey[],
    waiting: [] as { release(): void; done: Promise<void> }[],
    /** Edges for which Postgres misbehaves. */
    faulty: new Set<Isolate>(),
    ticks: 0,
  };
}

/** Lets everything that is on its way arrive, so that no schedule reaches into the next. */
export async function endWorld(world: World): Promise<void> {
  try {
    for (const edge of world.edges) {
      await edge.redisFault([]);
      await edge.postgresFault([]);
    }
    await settleAll(world);
  } finally {
    world.network.restore();
  }
}

export async function releaseAll(world: World): Promise<void> {
  const waiting = world.waiting.splice(0);
  for (const { release } of waiting) release();
  for (const { done } of waiting) await done;
}

/** What is held back is released first: something may wait for it. */
export async function settleAll(world: World): Promise<void> {
  await releaseAll(world);
  await world.settle();
}

export const pick = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index % items.length];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
};

export const step = <Of extends World = World>(
  name: string,
  run: (world: Of) => Promise<unknown>,
): fc.AsyncCommand<object, Of> => ({
  check: () => true,
  async run(_, world) {
    world.ticks += 1;
    await run(world);
  },
  toString: () => name,
});

const use = (world: World, edge: Isolate, key: KnownKey) =>
  judged(world, edge, key, () => verdictOn(edge, key.text));

/** A use at an edge, judged in the moment in which its verdict is there. */
export async function judged(
  world: World,
  edge: Isolate,
  key: Promised,
  ask: () => Promise<Use["verdict"]>,
): Promise<void> {
  const began = Date.now();
  const arrived: Use["arrived"] = { tick: world.ticks, at: world.clock.now() };
  const wasFaulty = world.faulty.has(edge);
  const { verdict, decidedAt } = await ask().then((answer) => ({
    verdict: answer,
    decidedAt: world.clock.now(),
  }));
  // Held for so long in true time that the reader's own deadline has passed: Postgres did not answer.
  const isPostgresWell = !wasFaulty && !world.faulty.has(edge) && Date.now() - began < 2000;
  judge({ key, verdict, arrived, decidedAt, isPostgresWell, boundSeconds: world.boundSeconds });
}

/** A change at an edge, and what is promised of it. A change that fails may have happened: nothing is promised. */
export async function change(
  world: World,
  keys: readonly Promised[],
  run: () => Promise<{ reach: Reach; endsAt?: number } | null>,
): Promise<void> {
  for (const key of keys) key.isHonest = false;
  const done = await run().catch(() => undefined);
  if (done === undefined) for (const key of keys) key.isUncertain = true;
  if (!done) return;
  const promisedBy = Math.max(done.reach.effectiveEverywhereBy.getTime(), (done.endsAt ?? 0) - 1);
  for (const key of keys) key.ends.push({ promisedBy, answeredTick: world.ticks });
}

function enable(world: World, edge: Isolate, key: KnownKey): Promise<void> {
  const isForEver = key.isUncertain || key.ends.length > (key.disabled ? 1 : 0);
  if (isForEver || !key.disabled) return Promise.resolve();
  key.ends = [];
  key.disabled = false;
  return edge.rooms.apiKeys.update(key.id, { enabled: true }, operatorAt(edge)).then(
    ({ reach }) => {
      key.isHonest = true;
      key.opensAgain = { by: reach.effectiveEverywhereBy.getTime(), answeredTick: world.ticks };
    },
    () => {
      key.isUncertain = true;
    },
  );
}

async function rotate(world: World, edge: Isolate, key: KnownKey, overlapSeconds: number): Promise<void> {
  if (key.isUncertain || key.ends.length > 0) return;
  await change(world, [key], async () => {
    const endsAt = world.clock.now() + overlapSeconds * 1000;
    const made = await edge.rooms.apiKeys.rotate(key.id, { overlapSeconds }, operatorAt(edge));
    world.keys.push(knownKey(made.record.id, made.key, key.ownerId));
    return { reach: made.reach, endsAt };
  });
}

const knownKey = (id: string, text: string, ownerId: string): KnownKey => ({
  id,
  text,
  ownerId,
  ...nothingPromised(),
});

const ofKey = { edge: fc.nat({ max: 2 }), key: fc.nat({ max: 30 }) };
type OfKey = { edge: number; key: number };

/** A step that needs a key; without one it is nothing. */
const keyStep =
  (name: string, run: (world: World, edge: Isolate, key: KnownKey) => Promise<unknown>) =>
  ({ edge, key }: OfKey): Step =>
    step(`${name}(edge ${edge}, key ${key})`, async (world) => {
      if (world.keys.length > 0) await run(world, pick(world.edges, edge), pick(world.keys, key));
    });

/** A use during which the next answer of this store to this edge waits until it is released. */
export async function hold(
  world: World,
  edge: Isolate,
  store: "postgres" | "redis",
  begin: () => Promise<void>,
): Promise<void> {
  const held = world.network.holdNext(edge, store);
  const done = begin();
  world.waiting.push({ release: held.release, done });
  // A use that is decided without the store leaves nothing behind for others to wait for.
  const decided = done.then(held.release, held.release);
  await Promise.race([held.answered, decided]);
}

const redisFaults: fc.Arbitrary<FaultRule[]> = fc.constantFrom<FaultRule[]>(
  [{ kind: "refuse" }],
  [{ kind: "status", status: 500 }],
  [{ kind: "garble" }],
  [{ kind: "drop-after" }],
  [{ kind: "partial", times: 1 }],
  [{ kind: "slow", ms: 400, times: 1 }],
);
const postgresFaults: fc.Arbitrary<FaultRule[]> = fc.constantFrom<FaultRule[]>(
  [{ kind: "refuse" }],
  [{ kind: "status", status: 500 }],
  [{ kind: "drop-after", times: 1 }],
  [{ kind: "garble", times: 1 }],
);

/** Every step a schedule may be made of; the common ones several times, so that they come up more often. */
export function stepsFor(boundSeconds: number): fc.Arbitrary<Step>[] {
  const uses = fc.record(ofKey).map(keyStep("use", use));
  const create = fc.nat({ max: 2 }).map((edge) =>
    step(`create(edge ${edge})`, async (world) => {
      const ownerId = pick([...world.keys.map((key) => key.ownerId), unique("owner")], world.ticks);
      const owner = { type: "user", id: ownerId } as const;
      const made = await givenKey(pick(world.edges, edge), { owner }).catch(() => null);
      if (made) world.keys.push(knownKey(made.id, made.key, ownerId));
    }),
  );
  const ofChanges = fc.constantFrom(
    keyStep("revoke", (world, edge, key) => change(world, [key], () => revokeAt(edge, key.id))),
    keyStep("delete", (world, edge, key) =>
      change(world, [key], () => edge.rooms.apiKeys.remove(key.id, operatorAt(edge))),
    ),
    keyStep("disable", (world, edge, key) => {
      key.disabled ||= key.ends.length === 0;
      return change(world, [key], () =>
        edge.rooms.apiKeys.update(key.id, { enabled: false }, operatorAt(edge)),
      );
    }),
    keyStep("enable", enable),
    keyStep("enable", enable),
    keyStep("rotate at once", (world, edge, key) => rotate(world, edge, key, 0)),
    keyStep("rotate", (world, edge, key) => rotate(world, edge, key, boundSeconds + 2)),
    keyStep("revoke owner", (world, edge, { ownerId }) => {
      const owned = world.keys.filter((key) => key.ownerId === ownerId);
      const owner = { type: "user", id: ownerId } as const;
      return change(world, owned, () => edge.rooms.apiKeys.revokeOfOwner(owner, operatorAt(edge)));
    }),
  );
  const changes = fc.tuple(ofChanges, fc.record(ofKey)).map(([make, of]) => make(of));
  const holds = fc
    .tuple(fc.constantFrom("postgres" as const, "redis" as const), fc.record(ofKey))
    .map(([store, of]) =>
      keyStep(`use, ${store} held`, (world, edge, key) =>
        hold(world, edge, store, () => use(world, edge, key)),
      )(of),
    );
  return [create, uses, uses, uses, uses, changes, changes, holds, ...commonSteps(boundSeconds)];
}

/** What happens to edges whatever is used there: time, answers that arrive, what Redis forgets, repair, faults. */
export function commonSteps(boundSeconds: number): fc.Arbitrary<Step>[] {
  const bound = boundSeconds * 1000;
  const waits = [0, 1, 500, 1001, 3000, bound / 2 + 1, bound, bound + 1, 31_000, 250_000, 305_001 + bound];
  const advances = fc
    .constantFrom(...waits)
    .map((ms) => step(`advance(${ms})`, async ({ clock }) => clock.advance(Math.round(ms))));
  const release = fc.constant(step("release", releaseAll));
  const settle = fc.constant(step("settle", settleAll));
  const forget = fc.constant(step("forget feed", forgetFeed));
  const repair = fc.nat({ max: 2 }).map((edge) =>
    step(`repair(edge ${edge})`, (world) =>
      pick(world.edges, edge)
        .rooms.revocation.repair()
        .catch(() => undefined),
    ),
  );
  return [advances, advances, release, settle, forget, repair, ...faultSteps()];
}

function faultSteps(): fc.Arbitrary<Step>[] {
  const spoilRedis = fc
    .tuple(fc.nat({ max: 2 }), redisFaults)
    .map(([edge, rules]) =>
      step(`redis ${JSON.stringify(rules)} (edge ${edge})`, (world) =>
        pick(world.edges, edge).redisFault(rules),
      ),
    );
  const spoilPostgres = fc.tuple(fc.nat({ max: 2 }), postgresFaults).map(([edge, rules]) =>
    step(`postgres ${JSON.stringify(rules)} (edge ${edge})`, async (world) => {
      const at = pick(world.edges, edge);
      world.faulty.add(at);
      await at.postgresFault(rules);
    }),
  );
  const heal = fc.nat({ max: 2 }).map((edge) =>
    step(`heal(edge ${edge})`, async (world) => {
      const at = pick(world.edges, edge);
      await settleAll(world);
      await at.redisFault([]);
      await at.postgresFault([]);
      world.faulty.delete(at);
    }),
  );
  return [spoilRedis, spoilPostgres, heal, heal];
}
