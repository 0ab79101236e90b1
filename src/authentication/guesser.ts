import type { Guesser } from "../api-keys/verification.ts";

/** The network a key came from. Where nobody knows it, the caller that passed the key on, so that no caller is braked for another. */
export const guesserOf = (network: string, caller?: string): Guesser =>
  network === "unknown" && caller !== undefined
    ? { kind: "caller", id: caller }
    : { kind: "address", id: network };
