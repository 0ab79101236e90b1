import type { EventReason } from "../../src/audit/events.ts";

/** Why something of people and their tokens happened: people.test.ts has a cause for each. */
export const reasonsOfPeople: readonly EventReason[] = [
  "by_person",
  "by_recovery",
  "by_schedule",
  "wrong_password",
  "unknown_account",
  "account_disabled",
  "cross_site",
  "wrong_issuer",
  "wrong_audience",
  "wrong_type",
  "wrong_algorithm",
  "unknown_key",
  "bad_signature",
  "not_yet_valid",
  "superseded",
  "replayed",
  "signed_out",
  "signed_out_everywhere",
  "password_changed",
  "address_changed",
];
