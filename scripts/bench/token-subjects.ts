import { signaturesOfLoop } from "./loop.ts";
import type { Provision } from "./provision.ts";
import { requestOf } from "./requests.ts";
import type { Subject } from "./subjects.ts";

const ok = { status: 200 } as const;
const noTrips = { redis: 0, postgres: 0 } as const;

/**
 * At first sight: more tokens than an isolate remembers, in turn, so that each is forgotten before it comes again. That
 * is measured at the room alone and, with the identity token of each new caller to sign, at the whole door.
 */
export function tokenSubjects({ people }: Provision): readonly Subject[] {
  const [first = ""] = people.accessTokens;
  const each = (path: string) => people.accessTokens.map((bearer) => requestOf("POST", path, { bearer }));
  const again = [requestOf("POST", "/v1/authenticate", { bearer: first })];
  const rest = { expect: ok, trips: noTrips } as const;
  return [
    {
      ...rest,
      name: "jose-verify",
      title: "jose alone, RS256",
      process: "jose-verify",
      requests: each("/check"),
      floor: "bare",
    },
    {
      ...rest,
      name: "token-first",
      title: "token check, first sight",
      process: "rooms",
      requests: each("/check"),
      floor: "jose-verify",
    },
    {
      ...rest,
      name: "token-first-door",
      title: "the same, with its identity token",
      process: "gatehouse",
      requests: each("/v1/authenticate"),
      floor: "jose-verify",
    },
    {
      ...rest,
      name: "token-known",
      title: "remembered token, bound 10 s",
      process: "gatehouse",
      requests: again,
      floor: "jose-verify",
    },
    {
      ...rest,
      name: "token-strict",
      title: "remembered token, bound 0",
      process: "gatehouse-strict",
      requests: again,
      trips: { redis: 1, postgres: 0 },
      floor: "hono-redis",
    },
  ];
}

/** What is bound by a signature, beside jose's bare loop of them. */
export function signingSubjects({ people }: Provision): readonly Subject[] {
  const rest = { expect: ok, trips: noTrips } as const;
  return [
    {
      ...rest,
      name: "jose-sign",
      title: "jose's bare signing loop",
      process: "jose-sign",
      requests: [requestOf("GET", "/", {})],
      operations: signaturesOfLoop,
      floor: "bare",
    },
    {
      ...rest,
      name: "issue",
      title: "token issue, RS256",
      process: "rooms",
      requests: [requestOf("POST", "/issue", {})],
      floor: "jose-sign",
    },
    {
      ...rest,
      name: "issue-es256",
      title: "token issue, ES256",
      process: "rooms",
      requests: [requestOf("POST", "/issue-es256", {})],
      floor: "jose-sign",
    },
    {
      ...rest,
      name: "refresh",
      title: "refresh with rotation, RS256",
      process: "gatehouse",
      requests: [
        requestOf("POST", "/auth/refresh", { json: JSON.stringify({ refresh_token: people.refreshToken }) }),
      ],
      expect: { status: 200, text: '"refresh_token"' },
      trips: { redis: 0, postgres: 1 },
      floor: "jose-sign",
    },
  ];
}
