import type { OwnerNotice } from "./accounts/owner-notices.ts";
import type { Audit, Background } from "./audit/audit.ts";
import { deriveSecrets } from "./crypto/derived-secrets.ts";
import { createSeal } from "./crypto/seal.ts";
import type { Config } from "./env.ts";
import type { Messages } from "./messages/messages.ts";
import { createChallenges } from "./mfa/challenges.ts";
import { createMfa } from "./mfa/mfa.ts";
import { createPasskeys } from "./mfa/passkeys.ts";
import { createPhoneStore } from "./mfa/phone.store.ts";
import { createRememberedStore } from "./mfa/remembered.store.ts";
import { createRememberedCookies } from "./mfa/remembered-cookie.ts";
import { createRememberedDevices } from "./mfa/remembered-devices.ts";
import { createSmsCodes } from "./mfa/sms-codes.ts";
import { createFactorStore } from "./mfa/store.ts";
import { createTexting } from "./mfa/texting.ts";
import type { RateLimits } from "./rate-limits/rate-limits.ts";
import type { Database } from "./storage/database.ts";

type Sources = {
  config: Config;
  database: Database;
  messages: Pick<Messages, "sendText">;
  rateLimits: Pick<RateLimits, "openTrip" | "take" | "demandOf">;
  audit: Pick<Audit, "record">;
  tellOwner: (accountId: string, notice: OwnerNotice, background: Background) => void;
  now: () => number;
};

/** The room of second factors and passkeys, for `wiring.ts`. */
export async function wireFactors(sources: Sources) {
  const { config, database, audit, tellOwner, now } = sources;
  const secretsFor = (use: string) => deriveSecrets(config.keyEncryptionKeys, use);
  const days = config.rememberDevicesDays;
  return createMfa({
    store: createFactorStore(database),
    phoneStore: createPhoneStore(database),
    sms: await wireTexts(sources),
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

/** Null: no SMS provider is configured. */
async function wireTexts(sources: Sources) {
  const { config, messages, rateLimits, audit } = sources;
  if (!config.sms) return null;
  const codes = await createSmsCodes(await deriveSecrets(config.keyEncryptionKeys, "codes by text message"));
  const payer = config.sms.key.account;
  const texting = createTexting({ messages, rateLimits, codes, payer, audit });
  return { codes, texting, countries: config.sms.countries };
}
