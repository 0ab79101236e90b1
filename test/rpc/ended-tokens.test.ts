import { exports } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { RpcVerdict } from "../../src/rpc.ts";
import type { Clock } from "../support/clock.ts";
import { type Isolate, json, unique } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { asOperator, freshAddress, givenPerson, linkTo, otherPassword } from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";
import { givenAccessToken } from "../support/given-tokens.ts";
import { handOver, refusal } from "./through-orders.ts";

type Stub = { authenticate(request: Request): Promise<RpcVerdict> };
const verifier = () =>
  (exports as unknown as { Verifier(options: { props: object }): Stub }).Verifier({
    props: { caller: "billing" },
  });
/** Gatehouse of this isolate, whose bound is ten seconds and whose clock the test drives. */
const near = async (token: string) => {
  const verdict = await verifier().authenticate(
    new Request("https://billing.test/", { headers: bearerOf(token) }),
  );
  return verdict.ok ? "ok" : verdict.code;
};
/** Gatehouse as it is deployed, whose bound is none. */
const deployed = (token: string) => handOver({ headers: bearerOf(token) });

type Person = Awaited<ReturnType<typeof givenPerson>>;
type Ending = (at: Isolate, tokens: Tokens, person: Person) => Promise<unknown>;

const byPerson = (path: string, body: (person: Person) => object): Ending => {
  return async (at, _, person) => {
    const other = await givenTokens(at, person);
    const answer = await at.fetch(path, json(body(person), bearerOf(other.access_token)));
    expect(answer.status).toBeLessThan(300);
  };
};

const endings: Record<string, Ending> = {
  "signing out": async (at, { refresh_token }) =>
    expect((await at.fetch("/auth/logout", json({ refresh_token }))).status).toBe(204),
  "signing out everywhere": byPerson("/auth/logout-everywhere", () => ({})),
  "ending the others": byPerson("/auth/sessions/end-others", () => ({})),
  "a new password": byPerson("/auth/password/change", ({ password }) => ({
    current_password: password,
    new_password: otherPassword,
  })),
  "a new address": async (at, tokens, { password }) => {
    const email = freshAddress();
    await at.fetch("/auth/email/change", json({ email, password }, bearerOf(tokens.access_token)));
    const { link } = await linkTo(at, email);
    expect((await at.fetch("/auth/verify-email", json({ link }))).status).toBe(204);
  },
  "a replay of its past": async (at, { refresh_token }) => {
    for (const status of [200, 401]) {
      expect((await at.fetch("/auth/refresh", json({ refresh_token }))).status).toBe(status);
      at.clock.advance(10_001);
    }
  },
  "an operator who disables": (at, _, { account }) => at.rooms.accounts.disable(account.id, asOperator(at)),
  "an operator who deletes": (at, _, { account }) =>
    at.rooms.accounts.remove(account.id, null, asOperator(at)),
  "its jti": (at, { access_token }) =>
    at.rooms.refreshTokens.revokeToken(String(decodeJwt(access_token).jti), null, asOperator(at)),
};

/** The clock of this isolate, whose Gatehouse answers `near`. It never goes back: a copy would look younger than it is. */
const driven = {
  now: (): number => Date.now(),
  advance: (milliseconds: number): void => void vi.setSystemTime(Date.now() + milliseconds),
};

async function givenTwoPeople(clock?: Clock) {
  const authority = await givenSignInIsolate(clock ? { clock } : {});
  const person = await givenPerson(authority);
  const tokens = await givenTokens(authority, person);
  const bystander = await givenTokens(authority, await givenPerson(authority));
  return { authority, person, tokens, bystander };
}

test.each(Object.keys(endings))(
  "after %s the next question of a Worker is answered no, with bound 0, and about others yes",
  async (name) => {
    const { authority, person, tokens, bystander } = await givenTwoPeople();
    for (const { access_token } of [tokens, bystander])
      expect(await deployed(access_token)).toMatchObject({ returned: { ok: true } });
    await endings[name]?.(authority, tokens, person);
    expect(await deployed(tokens.access_token)).toEqual(refusal(401, "invalid_token"));
    expect(await deployed(bystander.access_token)).toMatchObject({ returned: { ok: true } });
  },
);

describe("bound 10", () => {
  beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"] }));
  afterAll(() => void vi.useRealTimers());

  test.each(Object.keys(endings))(
    "ten seconds after %s a Worker that asks is told no, and about others yes",
    async (name) => {
      const { authority, person, tokens, bystander } = await givenTwoPeople(driven);
      for (const { access_token } of [tokens, bystander]) expect(await near(access_token)).toBe("ok");
      await endings[name]?.(authority, tokens, person);
      driven.advance(10_001);
      expect([await near(tokens.access_token), await near(bystander.access_token)]).toEqual([
        "invalid_token",
        "ok",
      ]);
    },
  );

  test("a client that is revoked takes its tokens along, and nobody else's", async () => {
    const authority = await givenSignInIsolate({ clock: driven });
    const clientId = unique("client");
    const [theirs, ours] = [
      await givenAccessToken(authority, { clientId }),
      await givenAccessToken(authority),
    ];
    for (const { accessToken } of [theirs, ours]) expect(await near(accessToken)).toBe("ok");
    driven.advance(1000);
    await authority.rooms.refreshTokens.revokeClient(clientId, asOperator(authority));
    driven.advance(10_001);
    expect([await near(theirs.accessToken), await near(ours.accessToken)]).toEqual(["invalid_token", "ok"]);
  });
});
