import { refusal } from "../stack/refusal.ts";

/** Without any of these the Worker refuses to start. */
export const requiredSecrets = [
  "DATABASE_URL",
  "UPSTASH_REDIS_REST_URL",
  "UPSTASH_REDIS_REST_TOKEN",
  "KEY_ENCRYPTION_KEYS",
  "API_KEY_TAG_SECRETS",
] as const;

export const neverInPlainText = [
  ...requiredSecrets,
  "PASSWORD_PEPPERS",
  "MAIL_API_KEY",
  "SMS_API_KEY",
] as const;

type Vars = Readonly<Record<string, unknown>>;

/** Mail is recommended, but half of it stops the Worker. `secrets`: the names that are set; null when unknown. */
export function judgeMail(vars: Vars, secrets: ReadonlySet<string> | null): string {
  if (secrets === null) return "skipped: MAIL_API_KEY is listed by the Cloudflare account";
  const has = (name: string) => name in vars || secrets.has(name);
  const missing = ["MAIL_API_URL", "MAIL_API_KEY"].filter((name) => !has(name));
  if (missing.length === 2) {
    return "recommended, not set (MAIL_API_URL, MAIL_API_KEY, MAIL_FROM): nobody can register or recover an account";
  }
  if (missing.length === 1) {
    throw refusal(`${missing.join()} is not set, though its partner is: the Worker would refuse to start.`);
  }
  return has("MAIL_FROM") ? "set" : "set; MAIL_FROM is recommended: without it, no-reply@ the issuer's host";
}

/** Hashes are upgraded at sign-in, so peppers may come later; they cannot be taken away again. */
export function judgePeppers(secrets: ReadonlySet<string> | null): string {
  if (secrets === null) return "skipped: PASSWORD_PEPPERS is listed by the Cloudflare account";
  return secrets.has("PASSWORD_PEPPERS")
    ? "set"
    : "recommended, not set (PASSWORD_PEPPERS): whoever reads the database alone may guess at passwords";
}
