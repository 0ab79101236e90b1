import { decodeProtectedHeader } from "jose";
import { describe, expect, test } from "vitest";
import { leaveSeconds, rotation, seenSeconds } from "../../src/signing-keys/schedule.ts";
import type { SigningKeyRow } from "../../src/signing-keys/store.ts";
import type { Isolate } from "../support/given.ts";
import { givenOwnKeys, operatorOf } from "../support/given-signing-keys.ts";

const ms = (seconds: number) => seconds * 1000;
const sign = async ({ rooms }: Isolate, purpose: "identity" | "access-token" = "identity") =>
  decodeProtectedHeader(await rooms.signingKeys.sign(purpose, "test+jwt", {})).kid ?? "";
const rotate = (isolate: Isolate, compromised?: string) =>
  isolate.rooms.signingKeys.rotate(compromised === undefined ? {} : { compromised }, operatorOf(isolate));
const publishedBy = async (isolate: Isolate): Promise<string[]> => {
  const { keys } = (await (await isolate.fetch("/.well-known/jwks.json")).json()) as {
    keys: { kid: string }[];
  };
  return keys.map(({ kid }) => kid);
};
const identityOf = (rows: readonly SigningKeyRow[]) => rows.filter(({ purpose }) => purpose === "identity");

/** The first keys and their successors, all of them seen by every verifier. */
async function givenSeenSuccessors() {
  const keys = await givenOwnKeys();
  await keys.tick();
  keys.clock.advance(ms(seenSeconds));
  const [active, next] = identityOf(await keys.rows());
  if (!active || !next) throw new Error("two keys were to be there");
  return { ...keys, active, next };
}

describe("by the clock", () => {
  test("a successor lies published for a whole period, takes over by the clock with no write, and the next one follows", async () => {
    const { first, clock, rows, tick, active, next } = await givenSeenSuccessors();
    expect(active.signsFrom).toEqual(active.publishedAt);
    expect(next.signsFrom.getTime()).toBe(active.signsFrom.getTime() + ms(rotation.periodSeconds));
    expect((await rows()).map(({ purpose, algorithm }) => `${purpose} ${algorithm}`).sort()).toEqual([
      ...["access-token RS256", "access-token RS256"],
      ...["identity ES256", "identity ES256"],
    ]);
    expect(await publishedBy(first)).toEqual(expect.arrayContaining([active.kid, next.kid]));

    clock.advance(next.signsFrom.getTime() - clock.now() - 1);
    await tick();
    expect(await sign(first)).toBe(active.kid);
    clock.advance(1);
    expect(await sign(first)).toBe(next.kid);
    await tick();
    const third = identityOf(await rows()).at(-1);
    expect([third?.slot, third?.signsFrom.getTime()]).toEqual([
      3,
      next.signsFrom.getTime() + ms(rotation.periodSeconds),
    ]);
  });

  test("a key leaves when its last token is dead, and then its private half is destroyed, once and told once", async () => {
    const { first, clock, isolate, rows, tick, active, next } = await givenSeenSuccessors();
    clock.advance(next.signsFrom.getTime() + ms(leaveSeconds) - 1 - clock.now());
    await tick();
    expect(await publishedBy(first)).toContain(active.kid);
    expect(await first.rooms.signingKeys.verificationKey("identity", active.kid)).not.toBeNull();
    clock.advance(1);
    expect(await publishedBy(first)).not.toContain(active.kid);
    expect(await first.rooms.signingKeys.verificationKey("identity", active.kid)).toBeNull();

    const many = await Promise.all([isolate(), isolate(), isolate()]);
    await Promise.all(many.map(({ rooms, background }) => rooms.signingKeys.ensure(background)));
    await Promise.all(many.map(({ settle }) => settle()));
    const row = (await rows()).find(({ kid }) => kid === active.kid);
    expect(row?.privateJwkSealed).toBe("");
    const events = await first.rooms.audit.list({
      type: "signing_key.retired",
      subjectId: active.kid,
      limit: 5,
    });
    expect(events).toMatchObject([
      { reason: "by_schedule", subject: { type: "signing-key" }, actor: { type: "system" } },
    ]);
    await tick();
    expect((await rows()).find(({ kid }) => kid === next.kid)?.privateJwkSealed).not.toBe("");
  });

  test("many isolates that see to the keys at once make one successor of each", async () => {
    const { isolate, first, rows, tick } = await givenOwnKeys();
    await first.rooms.signingKeys.keySet();
    const many = await Promise.all(Array.from({ length: 6 }, () => isolate()));
    await Promise.all(many.map((one) => tick(one)));
    const slots = (await rows()).map(({ algorithm, slot }) => `${algorithm} ${slot}`).sort();
    expect(slots).toEqual(["ES256 1", "ES256 2", "RS256 1", "RS256 2"]);
  });

  test("with the cron trigger dead the last successor signs on, past its time, and nothing stops", async () => {
    const { first, clock, next } = await givenSeenSuccessors();
    clock.advance(ms(3 * rotation.periodSeconds));
    const isolate = first;
    expect(await sign(isolate)).toBe(next.kid);
    expect(await publishedBy(isolate)).toContain(next.kid);
  });
});

describe("by an operator", () => {
  test("a hand-over comes at once when every verifier has seen the successor: the time line warns of nothing", async () => {
    const { first, clock, isolate, active, next } = await givenSeenSuccessors();
    await sign(first);
    const timeline = await rotate(first);
    await first.settle();
    const ours = timeline.signing.filter(({ purpose }) => purpose === "identity");
    expect(ours).toMatchObject([
      { kid: next.kid, signsFrom: new Date(clock.now()), mayBeRefusedUntil: null },
    ]);
    expect(timeline.leaving.find(({ kid }) => kid === active.kid)).toMatchObject({
      signsUntil: new Date(clock.now()),
      publishedUntil: new Date(clock.now() + ms(leaveSeconds)),
    });
    expect(timeline.killed).toBeNull();
    expect(await sign(first)).toBe(next.kid);
    expect(await sign(await isolate())).toBe(next.kid);
    const events = await first.rooms.audit.list({
      type: "signing_key.rotated",
      subjectId: next.kid,
      limit: 5,
    });
    expect(events).toMatchObject([{ reason: "by_operator", actor: { type: "operator", id: "given" } }]);
  });

  test("sooner than verifiers can know is refused with the inequality and the time; nothing changes", async () => {
    const { first, clock, rows, tick } = await givenSeenSuccessors();
    await rotate(first);
    await tick();
    // The new successors are fresh: they may sign as soon as they were seen, and are told to.
    const timeline = await rotate(first);
    const soon = new Date(clock.now() + ms(seenSeconds));
    const next = timeline.signing.filter(({ signsFrom }) => signsFrom.getTime() > clock.now());
    expect(next.map(({ signsFrom }) => signsFrom)).toEqual([soon, soon]);
    const before = await rows();

    await expect(rotate(first)).rejects.toMatchObject({
      code: "conflict",
      detail: expect.stringContaining(`signs_from >= published_at + ${seenSeconds} s: `),
    });
    await expect(rotate(first)).rejects.toMatchObject({
      detail: expect.stringContaining(soon.toISOString()),
    });
    expect(await rows()).toEqual(before);
  });

  test("two operators at once, or one who asks again within five seconds, hand over once", async () => {
    const { first, isolate, clock, rows, next } = await givenSeenSuccessors();
    const others = await Promise.all([isolate(), isolate()]);
    const done = await Promise.allSettled([first, ...others].map((one) => rotate(one)));
    expect(done.some(({ status }) => status === "fulfilled")).toBe(true);
    expect(identityOf(await rows()).map(({ slot }) => slot)).toContain(2);
    expect(await sign(first)).toBe(next.kid);
    const active = identityOf(await rows()).filter(
      ({ signsUntil, signsFrom }) => signsUntil === null && signsFrom <= new Date(first.clock.now()),
    );
    expect(active.map(({ kid }) => kid)).toEqual([next.kid]);
    clock.advance(ms(5) - 1);
    const before = await rows();
    await rotate(first);
    expect(await rows()).toEqual(before);
  });
});
