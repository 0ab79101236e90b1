import type { EventReason } from "../../src/audit/events.ts";

/** Why a client was refused, or what it ended itself: test/attacks/ca-02-client-authentication.test.ts and test/oauth have a cause for each. */
export const reasonsOfClients: readonly EventReason[] = [
  "wrong_secret",
  "wrong_method",
  "by_client",
  "bad_assertion",
];
