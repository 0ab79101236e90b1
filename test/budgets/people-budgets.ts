import { type Isolate, json } from "../support/given.ts";
import { bearerOf, type Tokens } from "../support/given-sessions.ts";

type Person = Tokens & { readonly email: string; readonly password: string };

/**
 * What a person's request asks of the stores, in turns. `trips`: the turns before the answer; a sign-in is what is known
 * of the address beside the limits, then the session. What follows runs behind it: limits given back, the event,
 * and the budget of the mail about a new device.
 */
export const peopleBudgets = [
  {
    operation: "sign-in",
    trips: 2,
    turns: [
      ["EVALSHA", "SELECT"],
      ["EVALSHA", "WITH"],
      ["EVALSHA", "INSERT"],
    ],
    ask: (isolate: Isolate, { email, password }: Person) =>
      isolate.fetch("/auth/login", json({ email, password })),
  },
  {
    operation: "refresh over HTTP",
    trips: 1,
    turns: [["WITH"]],
    ask: (isolate: Isolate, { refresh_token }: Person) =>
      isolate.fetch("/auth/refresh", json({ refresh_token })),
  },
  {
    operation: "GET /auth/sessions",
    trips: 1,
    turns: [["EVALSHA", "SELECT"]],
    ask: (isolate: Isolate, { access_token }: Person) =>
      isolate.fetch("/auth/sessions", { headers: bearerOf(access_token) }),
  },
] as const;
