import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { json, unique } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { givenTokenRoute } from "../support/given-jws.ts";
import { asOperator, freshAddress, givenPerson, linkTo } from "../support/given-people.ts";
import { bearerOf, givenSignedInPerson, givenTokens } from "../support/given-sessions.ts";
import { givenOwnKeys, operatorOf } from "../support/given-signing-keys.ts";
import { givenAccessToken } from "../support/given-tokens.ts";

const bounds = [0, 10];
const environmentOf = (bound: number) => ({ REVOCATION_BOUND_SECONDS: String(bound) });

/** What the gateway and forward-auth of an isolate say to a token. */
async function givenDoors(isolate: Awaited<ReturnType<typeof givenSignInIsolate>>) {
  const route = await givenTokenRoute(isolate);
  return async (token: string) => {
    const asked = await isolate.fetch("/v1/authenticate", { headers: bearerOf(token) });
    return [(await route.call(token)).status, asked.status];
  };
}

test.each(bounds)(
  "bound %i: a new address, once confirmed, throws every session out at other edges",
  async (bound) => {
    const clock = createClock();
    const options = { clock, environment: environmentOf(bound) };
    const [near, far] = [await givenSignInIsolate(options), await givenSignInIsolate(options)];
    const ask = await givenDoors(far);
    const person = await givenPerson(near);
    const [here, there] = [await givenTokens(near, person), await givenTokens(near, person)];
    for (const { access_token } of [here, there]) expect(await ask(access_token)).toEqual([200, 200]);
    const email = freshAddress();
    const asked = json({ email, password: person.password }, bearerOf(here.access_token));
    expect((await near.fetch("/auth/email/change", asked)).status).toBe(202);
    const { link } = await linkTo(near, email);
    clock.advance(bound * 1000 + 1);
    // Nothing has changed before the new address is proved.
    expect(await ask(here.access_token)).toEqual([200, 200]);
    await far.settle();
    expect((await near.fetch("/auth/verify-email", json({ link }))).status).toBe(204);
    await near.settle();
    clock.advance(bound * 1000 + 1);
    for (const { access_token, refresh_token } of [here, there]) {
      expect(await ask(access_token)).toEqual([401, 401]);
      expect((await far.fetch("/auth/refresh", json({ refresh_token }))).status).toBe(401);
    }
  },
);

test.each(bounds)(
  "bound %i: a client that is revoked is out at other edges, and no other client is",
  async (bound) => {
    const clock = createClock();
    const options = { clock, environment: environmentOf(bound) };
    const [near, far] = [await givenSignInIsolate(options), await givenSignInIsolate(options)];
    const ask = await givenDoors(far);
    const clientId = unique("client");
    const [theirs, ours] = [await givenAccessToken(near, { clientId }), await givenAccessToken(near)];
    for (const { accessToken } of [theirs, ours]) expect(await ask(accessToken)).toEqual([200, 200]);
    clock.advance(1000);
    await far.settle();
    await near.rooms.refreshTokens.revokeClient(clientId, asOperator(near));
    clock.advance(bound * 1000 + 1);
    expect([await ask(theirs.accessToken), await ask(ours.accessToken)]).toEqual([
      [401, 401],
      [200, 200],
    ]);
  },
);

test.each(bounds)(
  "bound %i: what a killed key signed is refused at other edges; whoever was in refreshes, and is in again",
  async (bound) => {
    const { first: near, isolate, tick, clock } = await givenOwnKeys();
    const far = await isolate({ environment: environmentOf(bound) });
    await tick();
    const ask = await givenDoors(far);
    const person = await givenSignedInPerson(near);
    expect(await ask(person.access_token)).toEqual([200, 200]);
    await far.settle();
    const kid = (JSON.parse(atob(person.access_token.split(".")[0] ?? "")) as { kid: string }).kid;
    await near.rooms.signingKeys.rotate({ compromised: kid }, operatorOf(near));
    await near.settle();
    clock.advance(bound * 1000 + 1);
    expect(await ask(person.access_token)).toEqual([401, 401]);
    const again = await near.fetch("/auth/refresh", json({ refresh_token: person.refresh_token }));
    expect(again.status).toBe(200);
    // A verifier looks again for a key that it does not know, at most once a second.
    clock.advance(1001);
    expect(await ask(((await again.json()) as { access_token: string }).access_token)).toEqual([200, 200]);
  },
);
