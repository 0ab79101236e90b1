import { expect, test } from "vitest";
import type { Isolate } from "../support/given.ts";
import { forgetFeed, givenEdges, hearNews, loseNewestChange } from "./edges.ts";
import { endAt, everyKind, givenFacts, givenWarmEdges, isDeniedAt, noteAt, subjectOf } from "./endings.ts";

const bound = 10_000;
const refuse = [{ kind: "refuse" }] as const;

const callsAt = async (edge: Isolate) => {
  await edge.settle();
  const { postgres, redis } = await edge.calls();
  return { postgres, redis };
};

test("an ending of every kind is known at the edge that made it at once, and at every other within the bound", async () => {
  const { clock, a, b, c, settle } = await givenEdges(10);
  for (const kind of everyKind) {
    const facts = givenFacts(a);
    for (const edge of [a, b, c]) expect(await isDeniedAt(edge, facts), kind).toBe("valid");
    await settle();
    const reach = await endAt(a, kind, subjectOf(kind, facts));
    expect(reach).toEqual({ effectiveEverywhereBy: new Date(clock.now() + bound), announced: true });
    expect(await isDeniedAt(a, facts)).toBe(kind);
    await hearNews(b);
    expect(await isDeniedAt(b, facts)).toBe(kind);
    clock.advance(bound + 1);
    expect(await isDeniedAt(c, facts)).toBe(kind);
    expect(await isDeniedAt(c, givenFacts(a)), "another token").toBe("valid");
  }
});

test("bound 0: the next question after an ending was answered is denied at every edge, in the same millisecond too", async () => {
  const { a, b, c, settle } = await givenEdges(0);
  for (const kind of everyKind) {
    const facts = givenFacts(a);
    for (const edge of [a, b, c]) expect(await isDeniedAt(edge, facts), kind).toBe("valid");
    await settle();
    const reach = await endAt(a, kind, subjectOf(kind, facts));
    expect(reach).toEqual({ effectiveEverywhereBy: new Date(a.clock.now()), announced: true });
    for (const edge of [a, b, c]) expect(await isDeniedAt(edge, facts)).toBe(kind);
  }
});

test("an edge that was not there when tokens ended reads the truth, for every kind and bound", async () => {
  for (const boundSeconds of [0, 1, 10]) {
    for (const kind of everyKind) {
      const { a, b } = await givenEdges(boundSeconds, 2);
      const facts = givenFacts(a);
      await endAt(a, kind, subjectOf(kind, facts));
      expect(await isDeniedAt(b, facts), `${kind} at bound ${boundSeconds}`).toBe(kind);
    }
  }
});

test("a warm question costs no call with a bound and one with bound 0; a cold one reads Postgres, and Redis beside it", async () => {
  for (const [boundSeconds, redis] of [
    [10, 0],
    [0, 1],
  ] as const) {
    const { b } = await givenWarmEdges(boundSeconds);
    expect(await isDeniedAt(b, givenFacts(b))).toBe("valid");
    expect(await callsAt(b)).toEqual({ postgres: 0, redis });
    const { a: cold } = await givenEdges(boundSeconds);
    expect(await isDeniedAt(cold, givenFacts(cold))).toBe("valid");
    const { postgres, redis: asked } = await cold.calls();
    expect({ postgres, redis: asked }).toEqual({ postgres: 1, redis: 1 });
  }
});

test("a denial costs nothing to repeat: no store is asked about what can never become untrue", async () => {
  const { clock, a, b } = await givenWarmEdges();
  const facts = givenFacts(a);
  await endAt(b, "session", subjectOf("session", facts));
  await b.settle();
  await b.forgetCalls();
  await b.redisFault(refuse);
  await b.postgresFault(refuse);
  clock.advance(bound * 5);
  expect(await isDeniedAt(b, facts)).toBe("session");
  expect(await callsAt(b)).toEqual({ postgres: 0, redis: 0 });
});

test("“everything issued before” ends what was issued before that millisecond, and nothing that says a later second", async () => {
  const { clock, a, b, c } = await givenWarmEdges();
  clock.advance(1000 - (clock.now() % 1000) + 400);
  const second = Math.floor(clock.now() / 1000);
  for (const kind of ["subject", "client"] as const) {
    const facts = givenFacts(a);
    const issuedAt = (issuedAtSeconds: number) => ({ ...facts, issuedAtSeconds });
    await endAt(a, kind, subjectOf(kind, facts));
    await hearNews(b);
    for (const edge of [a, b, c]) {
      // This edge hears of it from Postgres alone.
      if (edge === c) await c.rooms.revocation.denylist.load();
      expect(await isDeniedAt(edge, issuedAt(second - 1))).toBe(kind);
      expect(await isDeniedAt(edge, issuedAt(second)), "in the same second").toBe(kind);
      expect(await isDeniedAt(edge, issuedAt(second + 1)), "a new sign-in").toBe("valid");
    }
  }
  for (const kind of ["jti", "session", "signing-key"] as const) {
    const facts = givenFacts(a, { issuedAtSeconds: second + 1 });
    await endAt(a, kind, subjectOf(kind, facts));
    await hearNews(b);
    for (const edge of [a, b]) expect(await isDeniedAt(edge, facts), "whenever issued").toBe(kind);
  }
});

test("Postgres, asked about one token, tells the same times apart", async () => {
  const { clock, a, b } = await givenEdges(0);
  await b.redisFault(refuse);
  clock.advance(1000 - (clock.now() % 1000));
  const second = clock.now() / 1000;
  for (const kind of ["subject", "client"] as const) {
    const facts = givenFacts(a);
    await endAt(a, kind, subjectOf(kind, facts));
    expect(await isDeniedAt(b, { ...facts, issuedAtSeconds: second - 1 })).toBe(kind);
    expect(await isDeniedAt(b, { ...facts, issuedAtSeconds: second })).toBe("valid");
  }
});

test("of two endings of one subject the later one stands, in whatever order an edge hears of them", async () => {
  const { clock, a, b } = await givenWarmEdges();
  const facts = givenFacts(a);
  const first = await noteAt(a, "subject", [facts.subject]);
  clock.advance(5000);
  const later = await noteAt(a, "subject", [facts.subject]);
  const issuedBetween = { ...facts, issuedAtSeconds: Math.floor(clock.now() / 1000) - 2 };
  await a.rooms.revocation.announceNow(later, a.background);
  await a.rooms.revocation.announceNow(first, a.background);
  await hearNews(b);
  for (const edge of [a, b]) expect(await isDeniedAt(edge, issuedBetween)).toBe("subject");
});

test("a subject whose name holds colons or another's name as its beginning ends alone", async () => {
  const { a, b } = await givenWarmEdges();
  const facts = givenFacts(a, { clientId: "https://client.test:8443/a:b" });
  await endAt(a, "client", facts.clientId);
  await hearNews(b);
  expect(await isDeniedAt(b, facts)).toBe("client");
  expect(await isDeniedAt(b, { ...facts, clientId: "https://client.test:8443/a" })).toBe("valid");
  expect(await isDeniedAt(b, { ...facts, clientId: "b" })).toBe("valid");
  // The same text as another kind of thing is another thing.
  expect(await isDeniedAt(b, givenFacts(a, { subject: facts.clientId }))).toBe("valid");
});

test("a token of no session is not concerned by the end of any session", async () => {
  const { a, b } = await givenWarmEdges();
  await endAt(a, "session", "");
  await hearNews(b);
  for (const edge of [a, b]) expect(await isDeniedAt(edge, givenFacts(a, { sessionId: null }))).toBe("valid");
});

test("a Redis that comes back empty between an ending and the edges' next look hides nothing", async () => {
  for (const boundSeconds of [0, 10]) {
    const { clock, a, b, c } = await givenWarmEdges(boundSeconds);
    const facts = givenFacts(a);
    const reach = await endAt(a, "session", subjectOf("session", facts));
    await forgetFeed();
    // One edge looks at once, the other when it must.
    await hearNews(b);
    clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
    for (const edge of [b, c]) {
      expect(await isDeniedAt(edge, facts)).toBe("session");
      expect(await isDeniedAt(edge, givenFacts(a))).toBe("valid");
    }
  }
});

test("an ending that a failover lost is announced again by the next repair", async () => {
  const { clock, a, b } = await givenWarmEdges();
  const facts = givenFacts(a);
  expect((await endAt(a, "jti", facts.jti)).announced).toBe(true);
  await a.settle();
  await loseNewestChange();
  await hearNews(b);
  expect(await isDeniedAt(b, facts)).toBe("valid");
  await a.rooms.revocation.repair();
  clock.advance(bound + 1);
  expect(await isDeniedAt(b, facts)).toBe("jti");
});

test("with Redis away past the bound Postgres is asked, once a bound, and nothing stale is served", async () => {
  const { clock, a, b } = await givenWarmEdges();
  const facts = givenFacts(a);
  await b.redisFault(refuse);
  clock.advance(bound + 1);
  for (let use = 0; use < 3; use += 1) expect(await isDeniedAt(b, facts)).toBe("valid");
  expect((await callsAt(b)).postgres).toBe(1);
  const reach = await endAt(a, "subject", facts.subject);
  clock.advance(reach.effectiveEverywhereBy.getTime() - clock.now() + 1);
  expect(await isDeniedAt(b, facts)).toBe("subject");
});

test("without either store nothing is decided past the bound, and it is decided again when one is back", async () => {
  for (const boundSeconds of [0, 10]) {
    const { clock, b } = await givenWarmEdges(boundSeconds);
    const facts = givenFacts(b);
    await b.redisFault(refuse);
    await b.postgresFault(refuse);
    if (boundSeconds > 0) expect(await isDeniedAt(b, facts), "within the bound").toBe("valid");
    clock.advance(boundSeconds * 1000 + 1);
    expect(await isDeniedAt(b, facts)).toBe("unknown");
    expect(b.rooms.revocation.denylist.isFresh(b.rooms.revocation.mark())).toBe(false);
    expect(await b.rooms.revocation.denylist.load()).toBe(false);
    await b.settle();
    await b.postgresFault([]);
    expect(await isDeniedAt(b, facts), "Postgres is back").toBe("valid");
    await b.postgresFault(refuse);
    await b.redisFault([]);
    clock.advance(boundSeconds * 1000 + 1001);
    expect(await isDeniedAt(b, facts), "Redis is back").toBe("valid");
  }
});

test("an isolate that never read the list decides nothing without Postgres, whatever Redis says", async () => {
  for (const boundSeconds of [0, 10]) {
    const { b } = await givenEdges(boundSeconds);
    await hearNews(b);
    await b.postgresFault(refuse);
    expect(await isDeniedAt(b, givenFacts(b))).toBe("unknown");
  }
});
