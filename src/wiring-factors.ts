import type { OwnerNotice } from "./accounts/owner-notices.ts";
import type { Audit, Background } from "./audit/audit.ts";
import { deriveSecrets } from "./crypto/derived-secrets.ts";
import { createSeal } from "./crypto/seal.ts";
import type { Config } from "./env.ts";
import { createChallenges } from "./mfa/challenges.ts";
import { createMfa } from "./mfa/mfa.ts";
import { createPasskeys } from "./mfa/passkeys.ts";
import { createRememberedStore } from "./mfa/remembered.store.ts";
import { createRememberedCookies } from "./mfa/remembered-cookie.ts";
import { createRememberedDevices } from "./mfa/remembered-devices.ts";
import { createFactorStore } from "./mfa/store.ts";
import type { Database } from "./storage/database.ts";

/** The room of second factors and passkeys, for `wiring.ts`. */
export async function wireFactors(sources: {
  config: Config;
  database: Database;
  audit: Pick<Audit, "record">;
  tellOwner: (accountId: string, notice: OwnerNotice, background: Background) => void;
  now: () => number;
}) {
  const { config, database, audit, tellOwner, now } = sources;
  const secretsFor = (use: string) => deriveSecrets(config.keyEncryptionKeys, use);
  const days = config.rememberDevicesDays;
  return createMfa({
    store: createFactorStore(database),
    passkeys: createPasskeys({ ...config.passkeys, rpName: config.brand.name }),
    challenges: await createChallenges({
      secrets: await secretsFor("passkey challenges"),
      now,
    }),
    seal: createSeal(config.keyEncryptionKeys),
    brandName: config.brand.name,
    totpWindowSteps: config.totpWindowSteps,
    remembered: createRememberedDevices({
      store: createRememberedStore(database, days),
      cookies: await createRememberedCookies(await secretsFor("remembered devices")),
      days,
      audit,
      tellOwner,
      now,
    }),
    audit,
    tellOwner,
    now,
  });
}
