import { expect, test } from "vitest";
import { verdictOn } from "../api-keys/management.ts";
import { givenIsolate, givenKey, givenRoute, type Isolate, unique } from "../support/given.ts";

type Declared = "open" | "closed" | "local";

const limit = (whenUnavailable: Declared, more: object = {}) => ({
  name: whenUnavailable,
  permits: 2,
  windowSeconds: 3600,
  per: "key" as const,
  whenUnavailable,
  ...more,
});
const refuse = [{ kind: "refuse" }] as const;

/** A warm edge whose Redis goes away once key and route are known. */
async function givenEdgeWithoutRedis(limits: ReturnType<typeof limit>[]) {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate);
  const route = await givenRoute(isolate, { limits });
  await isolate.fetch((await givenRoute(isolate)).url, { headers: { "x-api-key": key } });
  await isolate.settle();
  const use = () => isolate.fetch(route.url, { headers: { "x-api-key": key } });
  return { isolate, key, use };
}

async function degradations(isolate: Isolate): Promise<string[]> {
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ type: "limit.degraded", limit: 10_000 });
  return events.flatMap(({ subject }) => (subject ? [subject.id] : []));
}

test("an open limit lets pass while Redis is away, and says so", async () => {
  const name = unique("open");
  const { isolate, use } = await givenEdgeWithoutRedis([limit("open", { name })]);
  await isolate.redisFault(refuse);
  for (let call = 0; call < 4; call += 1) {
    const answer = await use();
    expect(answer.status).toBe(200);
    expect(answer.headers.get("gatehouse-degraded")).toBe(`limit;${name}=open`);
    expect(answer.headers.get("ratelimit")).toBeNull();
  }
  expect(await degradations(isolate)).toContain(`${name}=open`);
});

test("a closed limit refuses with 503 while Redis is away, says so, and is counted again when Redis is back", async () => {
  const name = unique("closed");
  const { isolate, use } = await givenEdgeWithoutRedis([limit("closed", { name })]);
  await isolate.redisFault(refuse);
  const refused = await use();
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(refused.headers.get("gatehouse-degraded")).toBe(`limit;${name}=closed`);
  expect(await refused.json()).toMatchObject({ error: "limit_unavailable" });
  expect(await degradations(isolate)).toContain(`${name}=closed`);

  await isolate.redisFault([]);
  isolate.clock.advance(1000);
  const back = await use();
  expect(back.status).toBe(200);
  expect(back.headers.get("gatehouse-degraded")).toBeNull();
  expect(back.headers.get("ratelimit")).toContain(`"${name}";r=1;`);
});

test("a local limit caps in this isolate while Redis is away: never more than its permits, and it says so", async () => {
  const name = unique("local");
  const { isolate, use } = await givenEdgeWithoutRedis([limit("local", { name })]);
  await isolate.redisFault(refuse);
  const answers = [await use(), await use(), await use(), await use()];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
  for (const answer of answers) expect(answer.headers.get("gatehouse-degraded")).toBe(`limit;${name}=local`);
  expect(answers.map((answer) => /r=(\d+)/.exec(answer.headers.get("ratelimit") ?? "")?.[1])).toEqual([
    "1",
    "0",
    "0",
    "0",
  ]);
  expect(Number(answers[2]?.headers.get("retry-after"))).toBeGreaterThan(3600);
  expect(await degradations(isolate)).toContain(`${name}=local`);
});

test("of several limits each answers as it declared: closed refuses for all, local counts beside open", async () => {
  const mixed = await givenEdgeWithoutRedis([limit("open"), limit("local")]);
  await mixed.isolate.redisFault(refuse);
  const answers = [await mixed.use(), await mixed.use(), await mixed.use()];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
  expect(answers[0]?.headers.get("gatehouse-degraded")).toBe("limit;open=open, limit;local=local");
  expect(await answers[2]?.json()).toMatchObject({ "violated-policies": ["local"] });

  const withClosed = await givenEdgeWithoutRedis([limit("open"), limit("closed"), limit("local")]);
  await withClosed.isolate.redisFault(refuse);
  expect((await withClosed.use()).status).toBe(503);
});

test("a Redis that hangs costs a request a quarter of a second, once: then nobody asks for a second", async () => {
  const { isolate, use } = await givenEdgeWithoutRedis([limit("open")]);
  await isolate.redisFault([{ kind: "hang" }]);
  const began = Date.now();
  const first = await use();
  const firstTook = Date.now() - began;
  expect(first.status).toBe(200);
  expect(first.headers.get("gatehouse-degraded")).toBe("limit;open=open");
  expect(firstTook).toBeGreaterThanOrEqual(200);
  expect(firstTook).toBeLessThan(1000);

  await isolate.forgetCalls();
  isolate.clock.advance(999);
  for (let call = 0; call < 5; call += 1)
    expect((await use()).headers.get("gatehouse-degraded")).toBe("limit;open=open");
  expect((await isolate.calls()).redis).toBe(0);
  isolate.clock.advance(1);
  await isolate.redisFault([]);
  expect((await use()).headers.get("gatehouse-degraded")).toBeNull();
});

test("whatever is wrong with Redis, a limit is never silently lifted: every fault degrades aloud", async () => {
  for (const fault of [
    { kind: "refuse" },
    { kind: "status", status: 500 },
    { kind: "status", status: 429 },
    { kind: "garble" },
    { kind: "partial" },
    { kind: "drop-after" },
    { kind: "slow", ms: 600 },
  ] as const) {
    const { isolate, use } = await givenEdgeWithoutRedis([limit("local")]);
    await isolate.redisFault([fault]);
    const answers = [await use(), await use(), await use()];
    const label = JSON.stringify(fault);
    expect(
      answers.map(({ status }) => status),
      label,
    ).toEqual([200, 200, 429]);
    expect(answers[0]?.headers.get("gatehouse-degraded"), label).toBe("limit;local=local");
  }
});

test("the precise verdict names the limits that were not exact", async () => {
  const isolate = await givenIsolate();
  const { key } = await givenKey(isolate, { limits: [{ name: "daily", limit: 3, windowSeconds: 86_400 }] });
  expect(await verdictOn(isolate, key)).toMatchObject({ limits: [{ name: "daily", remaining: 2 }] });
  await isolate.settle();
  await isolate.redisFault(refuse);
  const verdict = await verdictOn(isolate, key);
  expect(verdict).toMatchObject({ valid: true, degraded: ["daily=local"] });
  await isolate.redisFault([]);
  isolate.clock.advance(1000);
  expect(await verdictOn(isolate, key)).not.toHaveProperty("degraded");
});
