import { afterEach, beforeEach, expect, test } from "vitest";
import { forgetFeed, givenEdges, hearNews } from "./edges.ts";
import { endAt, givenFacts, givenWarmEdges, isDeniedAt, subjectOf } from "./endings.ts";
import { createSlowNetwork, type SlowNetwork } from "./held-answers.ts";

const bound = 10_000;
const refuse = [{ kind: "refuse" }] as const;
let network: SlowNetwork;
beforeEach(() => {
  network = createSlowNetwork();
});
afterEach(() => network.restore());

test("a list that was read before an ending and arrives after it was heard of takes nothing away", async () => {
  const { a, b } = await givenWarmEdges();
  const facts = givenFacts(a);
  const slow = network.holdNext(b, "postgres");
  const late = b.rooms.revocation.denylist.load();
  await slow.answered;
  await endAt(a, "session", subjectOf("session", facts));
  await hearNews(b);
  slow.release();
  expect(await late).toBe(true);
  expect(await isDeniedAt(b, facts)).toBe("session");
});

test("a list that was read before an ending while the feed was lost is no evidence past the bound", async () => {
  const { clock, a, b } = await givenEdges(bound / 1000);
  await hearNews(b);
  const facts = givenFacts(a);
  const slow = network.holdNext(b, "postgres");
  const late = b.rooms.revocation.denylist.load();
  await slow.answered;
  await endAt(a, "session", subjectOf("session", facts));
  await forgetFeed();
  await hearNews(b);
  slow.release();
  await late;
  clock.advance(bound + 1);
  expect(await isDeniedAt(b, facts)).toBe("session");
});

test("an older list that arrives after a younger one does not make the copy older", async () => {
  const { clock, b } = await givenEdges(bound / 1000);
  await b.redisFault(refuse);
  const { denylist, mark } = b.rooms.revocation;
  const slow = network.holdNext(b, "postgres");
  const late = denylist.load();
  await slow.answered;
  clock.advance(bound - 1);
  expect(await denylist.load()).toBe(true);
  slow.release();
  await late;
  clock.advance(2);
  expect(denylist.isFresh(mark())).toBe(true);
});

test("many cold questions at once read the whole list once and ask about their own tokens otherwise", async () => {
  const { a, b } = await givenEdges(bound / 1000);
  const ended = givenFacts(a);
  await endAt(a, "session", subjectOf("session", ended));
  const facts = [ended, ...Array.from({ length: 11 }, () => givenFacts(a))];
  const answers = await Promise.all(facts.map((one) => isDeniedAt(b, one)));
  expect(answers).toEqual(["session", ...facts.slice(1).map(() => "valid")]);
  expect((await b.calls()).postgres).toBe(12);
});

test("an answer of Postgres about one token that was on its way for longer than the bound is asked for again", async () => {
  const { clock, a, b } = await givenEdges(bound / 1000);
  await b.redisFault(refuse);
  const facts = givenFacts(a);
  // The first question reads the whole list, the second asks about its own token.
  const whole = network.holdNext(b, "postgres");
  const first = isDeniedAt(b, givenFacts(a));
  await whole.answered;
  const single = network.holdNext(b, "postgres");
  const second = isDeniedAt(b, facts);
  await single.answered;
  const reach = await endAt(a, "session", subjectOf("session", facts));
  clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
  for (const held of [single, whole]) held.release();
  expect(await second).toBe("session");
  expect(await first).toBe("valid");
});

test("the first question of an isolate does not wait for Redis, while what Postgres answered would grow old", async () => {
  for (const boundSeconds of [0, 1, 10]) {
    const { b } = await givenEdges(boundSeconds);
    const slow = network.holdNext(b, "redis");
    expect(await isDeniedAt(b, givenFacts(b))).toBe("valid");
    expect(b.rooms.revocation.feed.readBeganAt()).toBe(Number.NEGATIVE_INFINITY);
    slow.release();
    await b.settle();
    expect(b.rooms.revocation.feed.readBeganAt()).toBeGreaterThan(0);
  }
});
