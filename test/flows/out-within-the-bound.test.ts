import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { createClock } from "../support/clock.ts";
import { givenRoute, type Isolate, json, unique } from "../support/given.ts";
import { givenSignInIsolate } from "../support/given-browser.ts";
import { asOperator, givenPerson, goodPassword, linkTo, otherPassword } from "../support/given-people.ts";
import { bearerOf, givenTokens, type Tokens } from "../support/given-sessions.ts";

type Person = { readonly account: { readonly id: string }; readonly email: string };
type Ending = {
  readonly end: (at: Isolate, here: Tokens, there: Tokens, person: Person) => Promise<unknown>;
  /** The session that asks goes on. */
  readonly keepsHere?: true;
};

const asked = async (answer: Promise<Response>, status = 204) => expect((await answer).status).toBe(status);
const post = (at: Isolate, path: string, { access_token }: Tokens, body: object = {}) =>
  at.fetch(path, json(body, bearerOf(access_token)));

/** Each way in which somebody is thrown out, by whoever may. `there` is out after each. */
const endings: Record<string, Ending> = {
  "signing out": {
    keepsHere: true,
    end: (at, _, { refresh_token }) => asked(at.fetch("/auth/logout", json({ refresh_token }))),
  },
  "ending another session": {
    keepsHere: true,
    end: (at, here, { session_id }) =>
      asked(
        at.fetch(`/auth/sessions/${session_id}`, {
          method: "DELETE",
          headers: bearerOf(here.access_token),
        }),
      ),
  },
  "ending all others": {
    keepsHere: true,
    end: (at, here) => asked(post(at, "/auth/sessions/end-others", here)),
  },
  "signing out everywhere": { end: (at, here) => asked(post(at, "/auth/logout-everywhere", here)) },
  "a new password": {
    keepsHere: true,
    end: (at, here) => {
      const passwords = { current_password: goodPassword, new_password: otherPassword };
      return asked(post(at, "/auth/password/change", here, passwords));
    },
  },
  "a recovery": {
    end: async (at, _, __, { email }) => {
      await asked(at.fetch("/auth/password/recover", json({ email })), 202);
      const { link } = await linkTo(at, email);
      await asked(at.fetch("/auth/password/reset", json({ link, new_password: otherPassword })));
    },
  },
  "deleting oneself": {
    end: (at, here) =>
      asked(
        at.fetch("/auth/account", {
          ...json({ password: goodPassword }, bearerOf(here.access_token)),
          method: "DELETE",
        }),
      ),
  },
  "an operator who disables": {
    end: (at, _, __, { account }) => at.rooms.accounts.disable(account.id, asOperator(at)),
  },
  "an operator who deletes": {
    end: (at, _, __, { account }) => at.rooms.accounts.remove(account.id, null, asOperator(at)),
  },
  "an operator who ends all": {
    end: (at, _, __, { account }) => at.rooms.sessions.endAll(account.id, "by_operator", asOperator(at)),
  },
  "one token by its jti": {
    keepsHere: true,
    end: (at, _, { access_token }) =>
      at.rooms.refreshTokens.revokeToken(String(decodeJwt(access_token).jti), null, asOperator(at)),
  },
};

/** Two isolates with one clock: one where it ends, one that has let both sessions in a moment before. */
async function givenEdges(bound: number) {
  const clock = createClock();
  const environment = { REVOCATION_BOUND_SECONDS: String(bound) };
  const near = await givenSignInIsolate({ clock, environment });
  const far = await givenSignInIsolate({ clock, environment });
  const route = await givenRoute(near, { credentials: ["access-token"] });
  const through = async (at: Isolate, { access_token }: Tokens) => {
    const gateway = await at.fetch(route.url, { headers: bearerOf(access_token) });
    const asks = await at.fetch("/v1/authenticate", { headers: bearerOf(access_token) });
    return [gateway.status, asks.status];
  };
  return { clock, near, far, through };
}

for (const bound of [0, 10]) {
  for (const [name, { end, keepsHere }] of Object.entries(endings)) {
    test(`bound ${bound}: ${name} is felt at every gateway and by every proxy that asks, no later than the bound`, async () => {
      const { clock, near, far, through } = await givenEdges(bound);
      const person = await givenPerson(near, { email: `${unique("out")}@example.com` });
      const [here, there] = [await givenTokens(near, person), await givenTokens(near, person)];
      clock.advance(1000);
      for (const at of [near, far]) {
        for (const tokens of [here, there]) expect(await through(at, tokens)).toEqual([200, 200]);
        await at.settle();
      }
      await end(near, here, there, person);
      await near.settle();
      clock.advance(bound * 1000 + 1);

      const kept = keepsHere ? [200, 200] : [401, 401];
      for (const at of [near, far]) {
        expect([await through(at, there), await through(at, here)]).toEqual([[401, 401], kept]);
      }
      if (name === "one token by its jti") return;
      const refreshed = async ({ refresh_token }: Tokens) =>
        (await far.fetch("/auth/refresh", json({ refresh_token }))).status;
      expect([await refreshed(there), await refreshed(here)]).toEqual([401, keepsHere ? 200 : 401]);
    });
  }
}
