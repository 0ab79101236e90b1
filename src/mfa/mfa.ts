import { randomBase62 } from "../crypto/base62.ts";
import { laneOf, sessionLane } from "./attempts.ts";
import { createEnrolment } from "./enrolment.ts";
import { factorList } from "./factors/index.ts";
import type { Foundation } from "./foundation.ts";
import { provedBy } from "./proved.ts";
import { createProving } from "./proving.ts";
import { createSteps } from "./steps.ts";
import type { PasskeyDetails } from "./tables.ts";

/** Second factors and passkeys: set up, shown, counted. What a proof opens is for the rooms that begin something by it. */
export function createMfa(sources: Omit<Foundation, "factors">) {
  const { passkeys, challenges, store, now } = sources;
  const factors = factorList({ ...sources, windowSteps: sources.totpWindowSteps });
  const foundation = { ...sources, factors };
  return {
    ...createEnrolment(foundation),
    ...createProving(foundation),
    laneOf,
    newDeviceId: (): string => randomBase62(22),
    sessionLane,
    provedBy,
    waysInBesidePassword: store.waysInBesidePassword,
    steps: createSteps({ seal: sources.seal, now }),

    /** What `navigator.credentials.get` is given by who signs in by a passkey alone: any of ours will do. */
    async passkeyRequest(binding: string) {
      return passkeys.requestOptions({ challenge: await challenges.make(binding) });
    },

    /** The same as a second factor: one of the account's own. */
    async passkeyRequestOf(accountId: string, binding: string) {
      const held = (await store.list(accountId)).filter(({ kind }) => kind === "passkey");
      const allow = held.map(({ credentialId, details }) => ({
        credentialId: credentialId ?? "",
        transports: (details as PasskeyDetails).transports,
      }));
      return passkeys.requestOptions({ challenge: await challenges.make(binding), allow });
    },
  };
}

export type Mfa = ReturnType<typeof createMfa>;
