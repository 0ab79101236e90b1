import { randomBase62 } from "../crypto/base62.ts";
import { laneOf, sessionLane } from "./attempts.ts";
import { createEnrolment } from "./enrolment.ts";
import type { FactorKind } from "./factor.ts";
import { factorList } from "./factors/index.ts";
import type { Foundation } from "./foundation.ts";
import { createPhones } from "./phones.ts";
import { provedBy } from "./proved.ts";
import { createProving } from "./proving.ts";
import type { RememberedDevices } from "./remembered-devices.ts";
import { createSteps, mayEnrol } from "./steps.ts";
import type { PasskeyDetails } from "./tables.ts";

/** Second factors and passkeys: set up, shown, counted. What a proof opens is for the rooms that begin something by it. */
export function createMfa(sources: Omit<Foundation, "factors"> & { readonly remembered: RememberedDevices }) {
  const { passkeys, challenges, store } = sources;
  const factors = factorList({ ...sources, windowSteps: sources.totpWindowSteps });
  const foundation = { ...sources, factors };
  const proving = createProving(foundation);
  const phones = createPhones(foundation, proving);
  const enrolment = createEnrolment(foundation, phones.tellGone);
  return {
    ...enrolment,
    ...proving,
    ...phones,
    /** Of what an account has, in the order in which it is offered; what is not configured does not exist. */
    offered: (held: readonly string[]): FactorKind[] =>
      factors.flatMap(({ kind }) => (held.includes(kind) ? [kind] : [])),
    remembered: sources.remembered,
    laneOf,
    newDeviceId: (): string => randomBase62(22),
    sessionLane,
    provedBy,
    waysInBesidePassword: store.waysInBesidePassword,
    mayEnrol,
    steps: createSteps(sources),

    /** For a page whose own has become old. */
    freshChallenge: (binding: string): Promise<string> => challenges.make(binding),

    /** For the cron trigger. */
    async sweep(): Promise<void> {
      await Promise.all([enrolment.sweep(), sources.remembered.sweep()]);
    },

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
