import { parseRange } from "./api-keys/addresses.ts";
import { parseVersionedSecrets, type VersionedSecrets } from "./crypto/versioned-secrets.ts";
import { type Brand, defaultAccent, parseAccent } from "./http/brand.ts";
import { isLoopback } from "./http/door-checks.ts";
import { parseSmsKey, type SmsKey } from "./messages/sms.client.ts";
import { parseCountries, parsePhoneNumber } from "./mfa/phone-number.ts";
import { parseRelyingParty, type RelyingParty } from "./mfa/relying-party.ts";
import { type LevelPolicy, parseLevelPolicy } from "./tokens/level-policy.ts";

/** A service binding named by gateway routes. */
type ServiceBinding = { fetch(request: Request): Promise<Response> };

export type MailConfig = { readonly url: string; readonly key: string; readonly from: string };

export type SmsConfig = {
  readonly url: string;
  readonly key: SmsKey;
  readonly from: string;
  readonly countries: readonly string[];
};

export type Config = {
  /** Origin, no trailing slash. */
  readonly issuer: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly keyEncryptionKeys: VersionedSecrets;
  readonly apiKeyTagSecrets: VersionedSecrets;
  /** 0: every check asks. Otherwise the age beyond which no copy decides. */
  readonly revocationBoundSeconds: number;
  readonly accessTokenSeconds: number;
  /** How long the token before the newest may still ask for it again, as a retry. */
  readonly refreshGraceSeconds: number;
  /** Newest first; empty: passwords are hashed without one. */
  readonly passwordPeppers: VersionedSecrets;
  /** Null: nothing that needs a mail can be done, and says so. */
  readonly mail: MailConfig | null;
  /** Null: there are no codes by text message. */
  readonly sms: SmsConfig | null;
  /** Asked for the first five digits of a password's SHA-1; null: not asked. */
  readonly breachedPasswordsUrl: string | null;
  /** Whose pages these are. */
  readonly brand: Brand;
  /** Who passkeys are made for. */
  readonly passkeys: RelyingParty;
  /** First characters of keys imported from elsewhere; anything else that is not ours is refused without a call. */
  readonly importedKeyPrefixes: readonly string[];
  readonly leakPolicy: "flag" | "expire" | "revoke";
  /** How strongly people must prove who they are, beside what each route demands. */
  readonly levelPolicy: LevelPolicy;
  /** Addresses and ranges of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** Steps of 30 seconds by which a one-time code may be early or late. */
  readonly totpWindowSteps: number;
  /** For how long a browser may be spared the second factor; 0: none is. */
  readonly rememberDevicesDays: number;
  readonly services: Readonly<Record<string, ServiceBinding>>;
};

type Environment = Readonly<Record<string, unknown>>;

/** Reads and checks every variable before the first request is served. Throws the first thing that is wrong. */
export function readConfig(environment: Environment): Config {
  const issuer = readIssuer(environment);
  return {
    issuer,
    databaseUrl: readDatabaseUrl(environment),
    redisUrl: readUrl(environment, "UPSTASH_REDIS_REST_URL", localPlain(environment)),
    redisToken: readToken(environment, "UPSTASH_REDIS_REST_TOKEN"),
    keyEncryptionKeys: readSecrets(environment, "KEY_ENCRYPTION_KEYS"),
    apiKeyTagSecrets: readSecrets(environment, "API_KEY_TAG_SECRETS"),
    revocationBoundSeconds: readWhole(environment, "REVOCATION_BOUND_SECONDS", 0, 300, 10),
    accessTokenSeconds: readWhole(environment, "ACCESS_TOKEN_SECONDS", 300, 900, 600),
    refreshGraceSeconds: readWhole(environment, "REFRESH_GRACE_SECONDS", 0, 60, 10),
    passwordPeppers: readPeppers(environment),
    mail: readMail(environment, issuer),
    sms: readSms(environment),
    breachedPasswordsUrl: readOptionalUrl(environment, "BREACHED_PASSWORDS_URL"),
    brand: readBrand(environment, issuer),
    passkeys: readRelyingParty(environment, issuer),
    importedKeyPrefixes: readImportedPrefixes(environment),
    leakPolicy: readChoice(environment, "LEAKED_KEY_POLICY", ["flag", "expire", "revoke"], "flag"),
    levelPolicy: readLevelPolicy(environment),
    trustedProxies: readProxies(environment),
    totpWindowSteps: readWhole(environment, "TOTP_WINDOW_STEPS", 0, 1, 1),
    rememberDevicesDays: readWhole(environment, "REMEMBER_DEVICES_DAYS", 0, 90, 0),
    services: servicesOf(environment),
  };
}

/** One sentence that begins with the variable's name and never holds its value. */
function fail(name: string, sentence: string): never {
  throw new Error(`${name} ${sentence}.`);
}

function read(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") fail(name, "must be a text variable or secret");
  return value;
}

const readRequired = (environment: Environment, name: string): string =>
  read(environment, name) ?? fail(name, "is missing; README lists every variable and how to make it");

function readIssuer(environment: Environment): string {
  const text = readRequired(environment, "ISSUER");
  if (!URL.canParse(text)) fail("ISSUER", "must be an origin like https://auth.example.com");
  const url = new URL(text);
  if (text.replace(/\/$/, "") !== url.origin)
    fail("ISSUER", "must be an origin alone, without path or query");
  const isPlainLocal = url.protocol === "http:" && isLoopback(url.hostname);
  if (url.protocol !== "https:" && !isPlainLocal) fail("ISSUER", "must be https, except on a loopback host");
  return url.origin;
}

/** Plain HTTP to a store is for a stack on one machine only. */
function localPlain(environment: Environment): string[] {
  const text = read(environment, "UPSTASH_REDIS_REST_URL") ?? "";
  return URL.canParse(text) && isLoopback(new URL(text).hostname) ? ["https:", "http:"] : ["https:"];
}

function readUrl(environment: Environment, name: string, protocols: readonly string[]): string {
  const text = readRequired(environment, name);
  if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol)) {
    fail(name, `must be a URL beginning with ${protocols.join("// or ")}//`);
  }
  return text;
}

function readDatabaseUrl(environment: Environment): string {
  const text = readUrl(environment, "DATABASE_URL", ["postgresql:", "postgres:"]);
  const { hostname, username, password, pathname } = new URL(text);
  if (
    !/^[a-z]+:\/\//.test(text) ||
    [hostname, username, password].includes("") ||
    !/^\/[^/]+$/.test(pathname)
  ) {
    fail(
      "DATABASE_URL",
      "must name user, password, host and database: postgresql://user:password@host/database",
    );
  }
  return text;
}

function readToken(environment: Environment, name: string): string {
  const text = readRequired(environment, name);
  if (text.length < 16 || new Set(text).size < 6)
    fail(name, "is too weak: it needs at least 16 random characters");
  return text;
}

function readSecrets(environment: Environment, name: string): VersionedSecrets {
  const parsed = parseVersionedSecrets(readRequired(environment, name));
  return parsed.ok ? parsed.secrets : fail(name, parsed.reason);
}

function readPeppers(environment: Environment): VersionedSecrets {
  return read(environment, "PASSWORD_PEPPERS") === undefined
    ? []
    : readSecrets(environment, "PASSWORD_PEPPERS");
}

/** Plain HTTP is for twins on this machine only. */
function readOptionalUrl(environment: Environment, name: string): string | null {
  const text = read(environment, name);
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isAllowed = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  return isAllowed ? text : fail(name, "must be a URL beginning with https://");
}

const mailAddress = /^(?:[^<>"\p{Cc}]{1,100} <[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/u;

function readMail(environment: Environment, issuer: string): MailConfig | null {
  const url = readOptionalUrl(environment, "MAIL_API_URL");
  const key = read(environment, "MAIL_API_KEY");
  if (url === null && key === undefined) return null;
  if (url === null) fail("MAIL_API_URL", "is missing, though MAIL_API_KEY is set");
  if (key === undefined) fail("MAIL_API_KEY", "is missing, though MAIL_API_URL is set");
  const from = read(environment, "MAIL_FROM") ?? `no-reply@${new URL(issuer).hostname}`;
  if (!mailAddress.test(from)) fail("MAIL_FROM", "must be a mail address, alone or as Name <address>");
  return { url, key, from };
}

/** All four or none: what is half configured would be believed to be there. */
function readSms(environment: Environment): SmsConfig | null {
  const names = ["SMS_API_URL", "SMS_API_KEY", "SMS_FROM", "SMS_COUNTRIES"] as const;
  const url = readOptionalUrl(environment, names[0]);
  const [, keyText, from, countryText] = names.map((name) => read(environment, name));
  if (url === null && [keyText, from, countryText].every((text) => text === undefined)) return null;
  if (url === null) fail(names[0], "is missing, though another variable of text messages is set");
  if (keyText === undefined) fail(names[1], "is missing, though SMS_API_URL is set");
  if (from === undefined) fail(names[2], "is missing, though SMS_API_URL is set");
  const key = parseSmsKey(keyText);
  if (!key) fail(names[1], "must be the provider's account and its token: AC…:token");
  if (parsePhoneNumber(from) !== from && !/^(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}$/.test(from))
    fail(names[2], "must be a number like +4915112345678, or a name of at most 11 letters and digits");
  const countries = parseCountries(readList(environment, names[3]));
  if (!countries) fail(names[3], "must name countries by their calling codes, like +49,+1");
  return { url, key, from, countries };
}

/** What a person can read in one line, without characters that turn or hide the text around them. */
const brandName = /^(?!\s)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,60}(?<!\s)$/u;

function readBrand(environment: Environment, issuer: string): Brand {
  const name = read(environment, "BRAND_NAME");
  if (name !== undefined && !brandName.test(name)) fail("BRAND_NAME", "must be 1 to 60 printable characters");
  const accent = parseAccent(read(environment, "BRAND_ACCENT") ?? defaultAccent);
  if (!accent) {
    fail(
      "BRAND_ACCENT",
      "must be a colour of six hexadecimal digits after #, dark enough to be read on white (contrast 4.5 to 1)",
    );
  }
  return { name: name ?? new URL(issuer).host, accent };
}

function readWhole(
  environment: Environment,
  name: string,
  min: number,
  max: number,
  standard: number,
): number {
  const text = read(environment, name);
  if (text === undefined) return standard;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max
    ? value
    : fail(
        name,
        `must be a whole number${name.endsWith("_SECONDS") ? " of seconds" : ""} from ${min} to ${max}`,
      );
}

function readChoice<Choice extends string>(
  environment: Environment,
  name: string,
  choices: readonly Choice[],
  standard: Choice,
): Choice {
  const text = read(environment, name);
  if (text === undefined) return standard;
  return choices.find((choice) => choice === text) ?? fail(name, `must be one of ${choices.join(", ")}`);
}

const readList = (environment: Environment, name: string): string[] =>
  (read(environment, name) ?? "").split(",").flatMap((entry) => (entry.trim() === "" ? [] : [entry.trim()]));

const passkeyVariables = { rpId: "PASSKEY_RP_ID", origins: "PASSKEY_ORIGINS", aaguids: "PASSKEY_AAGUIDS" };

function readRelyingParty(environment: Environment, issuer: string): RelyingParty {
  const parsed = parseRelyingParty({
    issuer,
    rpId: read(environment, passkeyVariables.rpId),
    origins: readList(environment, passkeyVariables.origins),
    aaguids: readList(environment, passkeyVariables.aaguids),
  });
  return parsed.ok ? parsed.party : fail(passkeyVariables[parsed.setting], parsed.reason);
}

function readImportedPrefixes(environment: Environment): string[] {
  const prefixes = readList(environment, "IMPORTED_KEY_PREFIXES");
  for (const prefix of prefixes) {
    if (!/^[A-Za-z0-9_-]{3,16}$/.test(prefix) || prefix.startsWith("gk_")) {
      fail(
        "IMPORTED_KEY_PREFIXES",
        "must hold prefixes of 3 to 16 letters, digits, _ or -, none beginning with gk_",
      );
    }
  }
  return prefixes;
}

function readLevelPolicy(environment: Environment): LevelPolicy {
  const parsed = parseLevelPolicy(readList(environment, "LEVEL_POLICY"));
  return parsed.ok ? parsed.policy : fail("LEVEL_POLICY", parsed.reason);
}

function readProxies(environment: Environment): string[] {
  return readList(environment, "TRUSTED_PROXIES").map(
    (entry) =>
      parseRange(entry) ?? fail("TRUSTED_PROXIES", "must hold IPv4 or IPv6 addresses or CIDR ranges"),
  );
}

function servicesOf(environment: Environment): Record<string, ServiceBinding> {
  const services: Record<string, ServiceBinding> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (typeof value === "object" && value !== null && "fetch" in value)
      services[name] = value as ServiceBinding;
  }
  return services;
}
