import type { Provision } from "./provision.ts";
import { requestOf } from "./requests.ts";
import type { Subject } from "./subjects.ts";

/** An isolate makes one hash at a time, so more would only wait. */
const connections = 4;

/** Two trips before the answer and behind it; the session's event is a third to Postgres, the returned guess a second to Redis. */
export function signInSubjects({ people }: Provision): readonly Subject[] {
  const { email, password } = people;
  return [
    {
      name: "password-hash",
      title: "the password hash alone",
      process: "password-hash",
      requests: [requestOf("GET", "/", {})],
      expect: { status: 200 },
      connections,
      trips: { redis: 0, postgres: 0 },
      floor: "bare",
    },
    {
      name: "sign-in",
      title: "sign-in",
      process: "gatehouse",
      requests: [
        requestOf("POST", "/auth/login", {
          json: JSON.stringify({ email, password, refresh_in_body: true }),
        }),
      ],
      expect: { status: 200, text: '"refresh_token"' },
      connections,
      trips: { redis: 2, postgres: 3 },
      floor: "password-hash",
    },
  ];
}
