import { expect, test } from "vitest";
import { networkOf } from "../../src/api-keys/addresses.ts";
import { type Isolate, json } from "../support/given.ts";
import { givenBrowser, givenSignInIsolate } from "../support/given-browser.ts";
import { freshAddress, givenPerson, goodPassword } from "../support/given-people.ts";
import { expectProblem } from "../support/problem.ts";

const degradedOf = (answer: Response) => answer.headers.get("gatehouse-degraded");

const questions = {
  register: {
    path: "/auth/register",
    page: "/register",
    permits: 200,
    limits: "limit;register-network=local, limit;mail-address=local",
  },
  recover: {
    path: "/auth/password/recover",
    page: "/recover",
    permits: 100,
    limits: "limit;recover-network=local, limit;recover-address=local",
  },
} as const;

for (const [name, { path, page, permits, limits }] of Object.entries(questions)) {
  const bodyOf = (email: string) => (name === "register" ? { email, password: goodPassword } : { email });
  const ask = (isolate: Isolate, email: string) => isolate.fetch(path, json(bodyOf(email)));

  test(`${name}: counted in this isolate alone it says so, to applications and on pages, whoever is asked about`, async () => {
    const isolate = await givenSignInIsolate();
    const { email } = await givenPerson(isolate);
    const exact = await ask(isolate, freshAddress());
    expect([exact.status, degradedOf(exact)]).toEqual([202, null]);
    await isolate.redisFault([{ kind: "refuse" }]);
    for (const address of [email, freshAddress()]) {
      const answer = await ask(isolate, address);
      expect([answer.status, degradedOf(answer)]).toEqual([202, limits]);
    }
    const shown = await givenBrowser(isolate).submit(page, bodyOf(freshAddress()));
    expect([shown.answer.status, degradedOf(shown.answer)]).toEqual([303, limits]);
  });

  test(`${name}: a refusal says so too`, async () => {
    const isolate = await givenSignInIsolate();
    const { rateLimits } = isolate.rooms;
    await isolate.redisFault([{ kind: "refuse" }]);
    const trip = rateLimits.openTrip();
    const limit = name === "register" ? "registerNetwork" : "recoverNetwork";
    const network = networkOf(isolate.address);
    const taking = rateLimits.take(trip, [rateLimits.demandOf(limit, `network:${network}`, permits)]);
    await trip.send();
    expect(await taking).toMatchObject({ ok: true });
    const refused = await ask(isolate, freshAddress());
    expect(degradedOf(refused)).toBe(limits);
    expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    await expectProblem(refused, 429, "rate_limited");
    const shown = await givenBrowser(isolate).submit(page, bodyOf(freshAddress()));
    expect([shown.answer.status, degradedOf(shown.answer)]).toEqual([429, limits]);
  });
}
