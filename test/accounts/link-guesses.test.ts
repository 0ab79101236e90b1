import { expect, test } from "vitest";
import { randomBase62 } from "../../src/crypto/base62.ts";
import { givenIsolate, json } from "../support/given.ts";
import { otherPassword } from "../support/given-people.ts";

test("links that were none end in 429 without a question to any store, and only for the network they came from", async () => {
  const { promise: waited, resolve: endWait } = Promise.withResolvers<void>();
  const isolate = await givenIsolate({ waitForRefusals: () => waited });
  const confirm = (address = isolate.address) =>
    isolate.fetch("/auth/verify-email", json({ link: randomBase62(43) }, { "cf-connecting-ip": address }));
  const reset = () =>
    isolate.fetch("/auth/password/reset", json({ link: randomBase62(43), new_password: otherPassword }));
  for (let time = 0; time < 60; time += 1) expect((await (time % 2 ? confirm() : reset())).status).toBe(400);
  await isolate.forgetCalls();

  for (const answer of [await confirm(), await reset()]) {
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject({ error: "rate_limited" });
  }
  expect(await isolate.calls()).toMatchObject({ postgres: 0, redis: 0 });
  endWait();
  await isolate.settle();
  const events = await isolate.rooms.audit.list({ subjectId: "refused-links", limit: 500 });
  expect(
    events.some(({ type, origin }) => type === "limit.exceeded" && origin.address === isolate.address),
  ).toBe(true);
  expect((await confirm("2001:db8:ffff:1::1")).status).toBe(400);
  isolate.clock.advance(70_000);
  expect((await confirm()).status).toBe(400);
});
