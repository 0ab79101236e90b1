import { expect, test } from "vitest";
import { limits } from "../../src/rate-limits/limits.ts";
import { givenCounters } from "../rate-limits/counters.ts";
import { askedOf, givenIsolate, givenKey, type Isolate, json, unique, withAdmin } from "../support/given.ts";

/** No tag, so only the database can say that there is no such key. */
const unknownKey = () => `legacy_${crypto.randomUUID()}`;
const manyOfCaller = limits.refusedUnknownOfCaller.permits;
const manyOfAddress = limits.refusedUnknown.permits;

function asking(isolate: Isolate, caller: string, address: string | null = null) {
  return (key: string) =>
    isolate.rooms.keyVerifier.verifyKey({ key, scopes: [], cost: 1, address }, askedOf(isolate, caller));
}

/** Elsewhere as many guesses as a caller may make went through it just now. */
async function givenGuesses(isolate: Isolate, caller: string): Promise<void> {
  const { take } = await givenCounters({ clock: isolate.clock });
  const demand = { limit: limits.refusedUnknownOfCaller, subject: `caller:${caller}`, cost: manyOfCaller };
  expect((await take([demand])).granted).toBe(true);
}

/** What each of so many guesses was answered with. */
async function guess(verify: ReturnType<typeof asking>, times: number, text = unknownKey): Promise<string[]> {
  const codes = new Set<string>();
  for (let done = 0; done < times; done += 50) {
    const batch = Array.from({ length: Math.min(50, times - done) }, () => verify(text()));
    for (const { code } of await Promise.all(batch)) codes.add(code);
  }
  return [...codes];
}

test("a caller that passes on unknown keys without addresses is braked before the database, and no other caller with it", async () => {
  const isolate = await givenIsolate();
  const [verify, other] = [asking(isolate, unique("caller")), asking(isolate, unique("caller"))];
  const [warm, cold] = [await givenKey(isolate), await givenKey(isolate)];
  // Without Redis: what this isolate has seen itself is enough.
  await isolate.redisFault([{ kind: "refuse" }]);
  expect((await verify(warm.key)).code).toBe("valid");
  expect(await guess(verify, manyOfCaller)).toEqual(["unknown"]);
  await isolate.settle();
  await isolate.forgetCalls();

  const braked = await verify(cold.key);
  expect(braked).toEqual({
    valid: false,
    code: "rate_limited",
    retry_after_seconds: expect.any(Number),
    limits: [expect.objectContaining({ name: "guessing", remaining: 0 })],
  });
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
  // A key that is known here is no guess.
  expect((await verify(warm.key)).code).toBe("valid");
  expect((await other(unknownKey())).code).toBe("unknown");
  expect((await other(cold.key)).code).toBe("valid");

  const seconds = braked.retry_after_seconds ?? 0;
  isolate.clock.advance(seconds * 1000 - 1000);
  expect((await verify(unknownKey())).code).toBe("rate_limited");
  isolate.clock.advance(1000);
  expect((await verify(unknownKey())).code).toBe("unknown");
}, 60_000);

test("the guesses of a caller are counted over all isolates", async () => {
  const isolate = await givenIsolate();
  const caller = unique("caller");
  await givenGuesses(isolate, caller);
  const verify = asking(isolate, caller);
  expect((await verify(unknownKey())).code).toBe("unknown");
  await isolate.settle();
  expect((await verify(unknownKey())).code).toBe("rate_limited");
});

test("a guesser whose address is said is braked with its whole /64, and nobody else of that caller", async () => {
  const isolate = await givenIsolate();
  const caller = unique("caller");
  const prefix = `2001:db8:${crypto.randomUUID().slice(0, 4)}:1`;
  const { key } = await givenKey(isolate);
  expect(await guess(asking(isolate, caller, `${prefix}::1`), manyOfAddress)).toEqual(["unknown"]);
  expect((await asking(isolate, caller, `${prefix}::1`)(key)).code).toBe("rate_limited");
  expect((await asking(isolate, caller, `${prefix}:ffff::2`)(key)).code).toBe("rate_limited");
  expect((await asking(isolate, caller)(key)).code).toBe("valid");
  expect((await asking(isolate, caller, "2001:db8:ffff:2::1")(unknownKey())).code).toBe("unknown");
});

test("what is no address counts under the caller, and not under one that all callers share", async () => {
  const isolate = await givenIsolate();
  const caller = unique("caller");
  await givenGuesses(isolate, caller);
  const verify = asking(isolate, caller, "not an address");
  expect((await verify(unknownKey())).code).toBe("unknown");
  await isolate.settle();
  expect((await verify(unknownKey())).code).toBe("rate_limited");
  const other = asking(isolate, unique("caller"), "not an address");
  expect(await guess(other, manyOfAddress + 1)).toEqual(["unknown"]);
});

test("malformed keys cost no call, so a caller that passes on very many is told of each what is wrong", async () => {
  // The refusals are counted together and written later.
  const isolate = await givenIsolate({ waitForRefusals: () => new Promise<void>(() => undefined) });
  const verify = asking(isolate, unique("caller"));
  expect(await guess(verify, limits.refusedOffline.permits + 50, () => "gk_live_0")).toEqual(["malformed"]);
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
});

test("a Worker that hands over requests without an address is braked by its own name", async () => {
  const isolate = await givenIsolate();
  const handOver = (by: string, key: string) =>
    isolate.rooms.authentication.authenticate(new Headers({ "x-api-key": key }), {
      credentials: ["api-key"],
      scopes: [],
      audiences: [],
      limits: [],
      routeId: "given",
      cost: 1,
      caller: by,
      visit: {
        arrivedAt: isolate.rooms.revocation.mark(),
        address: "unknown",
        network: "unknown",
        country: null,
        background: isolate.background,
      },
    });
  const caller = unique("caller");
  await givenGuesses(isolate, caller);
  expect(await handOver(caller, unknownKey())).toMatchObject({ ok: false, refusal: { reason: "unknown" } });
  await isolate.settle();
  expect(await handOver(caller, unknownKey())).toMatchObject({ ok: false, refusal: { reason: "guessing" } });
  expect(await handOver(unique("caller"), unknownKey())).toMatchObject({ refusal: { reason: "unknown" } });
});

test("at POST /v1/keys/verify the caller is the key it proves itself with, whichever of its rotation", async () => {
  const isolate = await givenIsolate();
  const scopes = ["gatehouse:keys:verify"];
  const [entrant, other] = [await givenKey(isolate, { scopes }), await givenKey(isolate, { scopes })];
  const ask = async (by: string, key: string) => {
    const answer = await isolate.fetch("/v1/keys/verify", json({ key }, withAdmin(by)));
    return [answer.status, ((await answer.json()) as { code: string }).code];
  };
  await givenGuesses(isolate, `key:${entrant.record.lineageId}`);
  expect(await ask(entrant.key, unknownKey())).toEqual([200, "unknown"]);
  await isolate.settle();
  expect(await ask(entrant.key, unknownKey())).toEqual([200, "rate_limited"]);
  const successor = await isolate.rooms.apiKeys.rotate(
    entrant.id,
    { overlapSeconds: 60 },
    {
      actor: { type: "operator", id: "given" },
      origin: { requestId: "given", address: "192.0.2.1", country: null },
      background: isolate.background,
    },
  );
  expect(await ask(successor.key, unknownKey())).toEqual([200, "rate_limited"]);
  expect(await ask(other.key, unknownKey())).toEqual([200, "unknown"]);
});
