import type { LocalSecrets } from "./secrets.ts";

export type WorkerEnvironment = Record<string, string>;

/**
 * The variables of the Worker that the caller's own environment may set. The addresses of database and
 * Redis are not among them: the Worker speaks to the twins, and those to what DATABASE_URL and REDIS_URL name.
 */
const CALLERS = [
  "ISSUER",
  "KEY_ENCRYPTION_KEYS",
  "API_KEY_TAG_SECRETS",
  "PASSWORD_PEPPERS",
  "REVOCATION_BOUND_SECONDS",
  "ACCESS_TOKEN_SECONDS",
  "REFRESH_GRACE_SECONDS",
  "IMPORTED_KEY_PREFIXES",
  "LEAKED_KEY_POLICY",
  "LEVEL_POLICY",
  "TRUSTED_PROXIES",
  "PASSKEY_RP_ID",
  "PASSKEY_ORIGINS",
  "PASSKEY_AAGUIDS",
  "TOTP_WINDOW_STEPS",
  "REMEMBER_DEVICES_DAYS",
  "MAIL_API_URL",
  "MAIL_API_KEY",
  "MAIL_FROM",
  "SMS_API_URL",
  "SMS_API_KEY",
  "SMS_FROM",
  "SMS_COUNTRIES",
  "BREACHED_PASSWORDS_URL",
  "BRAND_NAME",
  "BRAND_ACCENT",
] as const;

export type Addresses = {
  issuer: string;
  databaseUrl: string;
  redis: { url: string; token: string };
  mailbox: string;
};

/** What the Worker is given: local defaults, then what the caller has set. */
export function workerEnvironment(
  addresses: Addresses,
  secrets: LocalSecrets,
  callers: Readonly<Record<string, string | undefined>>,
): WorkerEnvironment {
  const environment: WorkerEnvironment = {
    ISSUER: addresses.issuer,
    DATABASE_URL: addresses.databaseUrl,
    UPSTASH_REDIS_REST_URL: addresses.redis.url,
    UPSTASH_REDIS_REST_TOKEN: addresses.redis.token,
    KEY_ENCRYPTION_KEYS: secrets.keyEncryptionKeys,
    API_KEY_TAG_SECRETS: secrets.apiKeyTagSecrets,
    REVOCATION_BOUND_SECONDS: "10",
    ACCESS_TOKEN_SECONDS: "600",
    IMPORTED_KEY_PREFIXES: "legacy_",
    MAIL_API_URL: addresses.mailbox,
    MAIL_API_KEY: "local-mailbox",
    SMS_API_URL: addresses.mailbox,
    SMS_API_KEY: "AClocal:local-mailbox",
    SMS_FROM: "Gatehouse",
    SMS_COUNTRIES: "+1,+44,+49",
  };
  for (const name of CALLERS) {
    const value = callers[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
