/** Calls to the stores an operation may make before its answer, by the state of the isolate. One table, one test. */
export const budgets = [
  { operation: "key verified, bound 0, warm", bound: "0", limited: false, postgres: 0, redis: 1 },
  { operation: "key verified, bound > 0, warm", bound: "10", limited: false, postgres: 0, redis: 0 },
  { operation: "key verified with a limit, bound 0, warm", bound: "0", limited: true, postgres: 0, redis: 1 },
  {
    operation: "key verified with a limit, bound > 0, warm",
    bound: "10",
    limited: true,
    postgres: 0,
    redis: 1,
  },
] as const;

/** The record and, beside it, the feed's starting point: one trip's time, two calls; the limits one more. */
export const coldBudget = { postgres: 1, redis: 2 } as const;

/** The same of an access token at the gateway, and of a refresh: what happens one after the other counts as well. */
export const tokenBudgets = [
  { operation: "token verified, bound 0, warm", bound: "0", limited: false, postgres: 0, redis: 1 },
  { operation: "token verified, bound > 0, warm", bound: "10", limited: false, postgres: 0, redis: 0 },
  {
    operation: "token verified with a limit, bound 0, warm",
    bound: "0",
    limited: true,
    postgres: 0,
    redis: 1,
  },
  {
    operation: "token verified with a limit, bound > 0, warm",
    bound: "10",
    limited: true,
    postgres: 0,
    redis: 1,
  },
] as const;

export const refreshBudget = { postgres: 1, redis: 0 } as const;

/** OAuth's back doors, warm: who asks is in memory, and what it asks for is signed or looked at there. */
export const backDoorBudgets = [
  { operation: "client credentials by secret, bound > 0", bound: "10", by: "secret", postgres: 0, redis: 0 },
  { operation: "client credentials by secret, bound 0", bound: "0", by: "secret", postgres: 0, redis: 1 },
  { operation: "client credentials by assertion, bound > 0", bound: "10", by: "key", postgres: 0, redis: 1 },
] as const;

export const introspectionBudgets = [
  { operation: "access token introspected, bound > 0", bound: "10", token: "access", postgres: 0, redis: 0 },
  {
    operation: "refresh token introspected, bound > 0",
    bound: "10",
    token: "refresh",
    postgres: 1,
    redis: 0,
  },
] as const;
