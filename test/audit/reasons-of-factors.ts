import type { EventReason } from "../../src/audit/events.ts";

export const reasonsOfFactors: readonly EventReason[] = [
  "wrong_code",
  "wrong_passkey",
  "factor_closed",
  "unreadable",
];
