import type { Audit, Background } from "../audit/audit.ts";
import type { EventReason, EventType, Origin, Party } from "../audit/events.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Reach, Revocation } from "../revocation/revocation.ts";
import type { KeyCopies } from "./key-copy.ts";
import type { KeyMaterial } from "./key-material.ts";
import {
  handOver,
  isOfPair,
  isPublished,
  leaveSeconds,
  type Pair,
  pairsOf,
  publishedUntil,
  rotation,
  type Step,
  stateOf,
  stepsDue,
} from "./schedule.ts";
import type { SigningKeyRow, SigningKeyStore } from "./store.ts";
import { type Killed, type Timeline, timelineOf } from "./timeline.ts";

/** Who rotates, on whose behalf events are written. */
export type Operator = { readonly actor: Party; readonly origin: Origin; readonly background: Background };

const nowhere: Origin = { requestId: "", address: "", country: null };
const gatehouse: Party = { type: "system", id: "gatehouse" };

/** Changes to the keys: by the clock, by an operator, in an emergency. Each is one guarded statement. */
export function createRotation(options: {
  store: SigningKeyStore;
  material: KeyMaterial;
  copies: KeyCopies;
  revocation: Pick<Revocation, "announceNow">;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { store, material, copies, revocation, audit, now } = options;
  const toldUnreadable = new Set<string>();

  function note(
    type: EventType,
    kid: string,
    { actor, origin, background }: Operator,
    reason: EventReason | null,
  ) {
    const outcome = type === "signing_key.unreadable" ? ("noticed" as const) : ("done" as const);
    const subject = { type: "signing-key", id: kid } as const;
    audit.record({ type, outcome, reason, actor, subject, origin }, background);
  }

  /** Kids whose private half opens. A key that has lost its half for good is not asked. */
  async function openableOf(keys: readonly SigningKeyRow[], background: Background): Promise<Set<string>> {
    const openable = new Set<string>();
    for (const key of keys.filter((one) => one.privateJwkSealed !== "")) {
      if (await material.open(key)) openable.add(key.kid);
      else if (!toldUnreadable.has(key.kid)) {
        toldUnreadable.add(key.kid);
        note("signing_key.unreadable", key.kid, { actor: gatehouse, origin: nowhere, background }, null);
      }
    }
    return openable;
  }

  async function perform(step: Step, operator: Operator, reason: EventReason | null): Promise<void> {
    const at = new Date(now());
    if (step.do === "promote") {
      const isDone = await store.promote(step.kid, new Date(step.signsFrom), at);
      if (isDone) note("signing_key.rotated", step.kid, operator, reason);
    } else if (step.do === "retire") {
      const isDone = await store.retire(step.kid, new Date(now() - leaveSeconds * 1000));
      if (isDone) note("signing_key.retired", step.kid, operator, reason);
    } else {
      const { pair, slot, signsFrom } = step;
      const made = await material.make(pair);
      const life = { publishedAt: at, signsFrom: new Date(signsFrom), signsUntil: null, killedAt: null };
      if (await store.append({ ...made, ...pair, slot, ...life }))
        note("signing_key.created", made.kid, operator, null);
    }
  }

  /** A new master key takes over one key after the other, whoever comes first. */
  async function resealAll(keys: readonly SigningKeyRow[]): Promise<void> {
    for (const key of keys) {
      if (key.privateJwkSealed === "") continue;
      const sealed = await material.reseal(key);
      if (sealed) await store.reseal(key.kid, key.privateJwkSealed, sealed);
    }
  }

  async function follow(steps: readonly Step[], operator: Operator): Promise<void> {
    for (const step of steps) await perform(step, operator, "by_schedule");
  }

  async function stepsNow(background: Background, asked: Pair | null): Promise<Step[]> {
    const keys = await store.list();
    const openable = await openableOf(keys, background);
    const isOver = new Set(keys.filter((key) => key.privateJwkSealed === "").map(({ kid }) => kid));
    const due = stepsDue(keys, now(), (kid) => openable.has(kid), asked);
    return due.filter((step) => step.do !== "retire" || !isOver.has(step.kid));
  }

  /** What cannot wait: the pair that is asked for, or any that has to be there, without a key that can sign. */
  async function ensureSigner(asked: Pair | null, background: Background): Promise<void> {
    const steps = (await stepsNow(background, asked)).filter(
      (step) =>
        step.do !== "retire" && step.signsFrom <= now() && (asked === null || isOfPair(asked)(step.pair)),
    );
    await follow(steps, { actor: gatehouse, origin: nowhere, background });
  }

  /**
   * For the cron trigger: makes what is missing, publishes successors in time, destroys the private half of what is
   * over. Safe to run anywhere at once. One RSA key a run at most: it may take the better part of a run's CPU limit.
   */
  async function ensure(background: Background): Promise<void> {
    await resealAll(await store.list());
    const isRsa = (step: Step) => step.do === "make" && step.pair.algorithm === "RS256";
    const steps = await stepsNow(background, null);
    const firstRsa = steps.find(isRsa);
    const chosen = steps.filter((step) => !isRsa(step) || step === firstRsa);
    await follow(chosen, { actor: gatehouse, origin: nowhere, background });
  }

  async function handAllOver(operator: Operator): Promise<void> {
    const keys = await store.list();
    const openable = await openableOf(keys, operator.background);
    const inUse = pairsOf(keys.filter((key) => isPublished(key, now())));
    const steps = inUse.map((pair) => handOver(keys, pair, now(), (kid) => openable.has(kid)));
    const refused = steps.find((step) => step.do === "refuse");
    const safe = steps.filter((step) => step.do !== "refuse" && step.do !== "nothing");
    if (safe.length === 0 && refused) throw new AuthError("conflict", refused.reason);
    for (const step of safe) await perform(step, operator, "by_operator");
  }

  function requireKillable(key: SigningKeyRow | undefined): SigningKeyRow {
    if (!key) throw new AuthError("not_found", "no signing key has this kid");
    if (key.killedAt) throw new AuthError("conflict", `the key was killed at ${key.killedAt.toISOString()}`);
    if (stateOf(key, now()) === "gone") {
      const ended = new Date(publishedUntil(key) ?? 0).toISOString();
      throw new AuthError(
        "conflict",
        `now < signs_until + ${leaveSeconds} s: the key is gone since ${ended}, and so is every token it signed`,
      );
    }
    return key;
  }

  /** True in Postgres first, told to the edges next, and only then is a successor seen to. */
  async function kill(kid: string, operator: Operator): Promise<Killed> {
    const found = (await store.list()).find((one) => one.kid === kid);
    // Whoever did it, and whatever the feed has told so far.
    if (found?.killedAt) copies.drop(kid);
    const key = requireKillable(found);
    const at = new Date(now());
    const expiresAt = new Date(now() + (rotation.tokenLifeSeconds + rotation.skewSeconds) * 1000);
    const noted = await store.kill(kid, at, expiresAt);
    copies.drop(kid);
    if (!noted) throw new AuthError("conflict", "the key was killed a moment ago");
    const reach: Reach = await revocation.announceNow([noted], operator.background);
    note("signing_key.killed", kid, operator, "by_operator");
    await ensureSigner({ purpose: key.purpose, algorithm: key.algorithm }, operator.background);
    const { purpose, algorithm } = key;
    return { kid, purpose, algorithm, killedAt: at, reach };
  }

  return {
    ensure,
    ensureSigner,

    /** Hands over as soon as is safe, or at once from a key that must not be trusted any more. */
    async rotate(asked: { compromised?: string }, operator: Operator): Promise<Timeline> {
      let killed: Killed | null = null;
      if (asked.compromised === undefined) await handAllOver(operator);
      else killed = await kill(asked.compromised, operator);
      return timelineOf((await copies.read()).keys, killed, now());
    },

    /** Every key there ever was, newest first. */
    async list() {
      const keys = await store.list();
      const openable = await openableOf(keys, () => undefined);
      return keys.toReversed().map((key) => ({
        kid: key.kid,
        purpose: key.purpose,
        algorithm: key.algorithm,
        state: stateOf(key, now()),
        publishedAt: key.publishedAt,
        signsFrom: key.signsFrom,
        signsUntil: key.signsUntil,
        publishedUntil: key.killedAt ?? dateOf(publishedUntil(key)),
        killedAt: key.killedAt,
        canSign: openable.has(key.kid),
      }));
    },
  };
}

export type KeyShown = Awaited<ReturnType<ReturnType<typeof createRotation>["list"]>>[number];

const dateOf = (at: number | null): Date | null => (at === null ? null : new Date(at));
