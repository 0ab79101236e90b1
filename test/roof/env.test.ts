import { describe, expect, inject, test } from "vitest";
import { readConfig } from "../../src/env.ts";

const secret = (version: number, start: number): string => {
  const bytes = Array.from({ length: 32 }, (_, at) => (at * 7 + start) % 256);
  const text = btoa(String.fromCharCode(...bytes));
  return `${version}:${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
};
const one = secret(1, 3);
const short = one.slice(0, -2);
const canary = "canary-7c2e";

/** What each variable must not be. Empty is missing. */
const refused: Record<string, readonly (string | undefined | object)[]> = {
  ISSUER: [
    undefined,
    "",
    canary,
    `${canary}.example.com`,
    `//${canary}.example.com`,
    `https://${canary}.example.com/path`,
    `https://${canary}.example.com//`,
    `https://${canary}.example.com?x=1`,
    `https://${canary}.example.com#x`,
    `https://user:${canary}@example.com`,
    `https://${canary}.example.com:443`,
    ` https://${canary}.example.com`,
    `http://${canary}.example.com`,
    `http://localhost.${canary}.com`,
    `http://127.0.0.1.${canary}.com`,
    "http://0.0.0.0:8787",
    "http://192.168.1.2",
    `ftp://${canary}.example.com`,
    `javascript:${canary}`,
    { fetch: canary },
  ],
  DATABASE_URL: [
    undefined,
    "",
    canary,
    `mysql://${canary}@h/d`,
    `https://${canary}.example.com`,
    `postgresql ${canary}`,
    `postgresql:${canary}`,
    `postgres://${canary}.example.com`,
    `postgres://${canary}.example.com/d`,
    `postgres://user@${canary}.example.com/d`,
    `postgres://:${canary}@example.com/d`,
    `postgres://user:${canary}@example.com`,
    `postgres://user:${canary}@example.com/`,
    `postgres://user:${canary}@example.com/d/e`,
  ],
  UPSTASH_REDIS_REST_URL: [
    undefined,
    "",
    canary,
    `redis://${canary}.example.com`,
    `http://${canary}.example.com`,
    `http://127.0.0.1.${canary}.com`,
  ],
  UPSTASH_REDIS_REST_TOKEN: [undefined, "", canary, "a".repeat(40), "abcabcabcabcabcabcabc"],
  KEY_ENCRYPTION_KEYS: [
    undefined,
    "",
    canary,
    one.slice(2),
    `0:${one.slice(2)}`,
    `-1:${one.slice(2)}`,
    `01:${one.slice(2)}`,
    short,
    `1:${"A".repeat(43)}`,
    `1:${"ABCD".repeat(11)}`,
    `${one}!`,
    `${one},`,
    `,${one}`,
    `${one},${secret(1, 90)}`,
    `${one};${secret(2, 90)}`,
    `${one},2:${canary}`,
  ],
  API_KEY_TAG_SECRETS: [undefined, "", canary, short, `1:${"A".repeat(43)}`, `${one},${one}`],
  ACCESS_TOKEN_SECONDS: [
    "299",
    "901",
    "0",
    "-600",
    "600.5",
    "6e2",
    "NaN",
    "Infinity",
    "ten",
    " 600",
    "0x258",
    "1000000",
  ],
  REVOCATION_BOUND_SECONDS: ["-1", "301", "NaN", "1.5", "ten", "1e1", "+5", " 5", "∞", "99999999999"],
  LEAKED_KEY_POLICY: [canary, "FLAG", "ignore", "revoke,flag"],
  IMPORTED_KEY_PREFIXES: [
    "gk_",
    "gk_live_",
    "legacy_,gk_old",
    "ab",
    "x".repeat(17),
    `${canary}!`,
    "two words",
    "é_key",
  ],
  BRAND_NAME: [
    " ",
    ` ${canary}`,
    `${canary} `,
    `${canary}\n`,
    `${canary}\u202E`,
    `${canary}\u200B`,
    canary.repeat(6),
    { fetch: canary },
  ],
  BRAND_ACCENT: [canary, "red", "#12345", "#ffffff", "#ffcc00", "rgb(0,0,0)", "#1d5fc4;}"],
  REFRESH_GRACE_SECONDS: ["-1", "61", "1.5", canary],
  REMEMBER_DEVICES_DAYS: ["-1", "91", "1.5", canary],
  PASSWORD_PEPPERS: [canary, one.slice(2), `0:${one.slice(2)}`, short, `${one},${one}`],
  MAIL_API_URL: [undefined, "", canary, `http://${canary}.example.com`, `ftp://${canary}.example.com`],
  MAIL_API_KEY: [undefined, ""],
  MAIL_FROM: [canary, `Gate <${canary}>`, `${canary}@a b`, `"x" <a@b.example>, ${canary}@c.example`],
  PASSKEY_RP_ID: [
    canary,
    `${canary}.example`,
    `https://${canary}.example.com`,
    "com",
    "127.0.0.1",
    "[::1]",
    `.${canary}.example.com`,
    `${canary}.example.com.`,
    `${canary}..example.com`,
    "AUTH.gatehouse.test",
    { fetch: canary },
  ],
  PASSKEY_ORIGINS: [
    canary,
    `${canary}.example.com`,
    `https://${canary}.example.com/`,
    `https://${canary}.example.com/path`,
    `https://${canary}.example.com:443`,
    `https://user:${canary}@example.com`,
    `https://${canary.toUpperCase()}.example.com`,
    `http://${canary}.example.com`,
    `http://localhost.${canary}.com`,
    `https://example.com,http://${canary}.example.com`,
    `android:apk-key-hash:${canary}`,
    Array.from({ length: 21 }, (_, at) => `https://${canary}-${at}.example.com`).join(","),
  ],
  PASSKEY_AAGUIDS: [
    canary,
    "08987058-cadc-4b81-b6e1-30de50dcbe9",
    "08987058cadc4b81b6e130de50dcbe96",
    `08987058-cadc-4b81-b6e1-30de50dcbe96,${canary}`,
    "{08987058-cadc-4b81-b6e1-30de50dcbe96}",
  ],
  BREACHED_PASSWORDS_URL: [canary, `http://${canary}.example.com`, `javascript:${canary}`],
  LEVEL_POLICY: [
    canary,
    "two-factor",
    `everyone=${canary}`,
    "everyone:x=two-factor",
    "everyone=",
    `scope:=two-factor,${canary}`,
    `role:${canary}=two-factor`,
    `scope:${canary}=Two-Factor`,
    `client:${canary} =two-factor`,
    `scope:${canary}"=two-factor`,
    `scope:${canary}=one-factor,scope:${canary}=two-factor`,
    "everyone=one-factor,everyone=one-factor",
  ],
  TRUSTED_PROXIES: [
    canary,
    "10",
    "10.0.0.0/33",
    "10.0.0.1;10.0.0.2",
    "2001:db8::/129",
    "10.0.0.1 10.0.0.2",
    "*",
  ],
};

const base = () => ({ ...inject("stores").environment });
const cases = Object.entries(refused).flatMap(([name, values]) =>
  values.map((value) => ({
    name,
    value,
    shown: value === undefined ? "missing" : JSON.stringify(value).slice(0, 60),
  })),
);

function messageOf(environment: Record<string, unknown>): string {
  try {
    readConfig(environment);
  } catch (thrown) {
    return (thrown as Error).message;
  }
  return "accepted";
}

test.each(cases)(
  "$name $shown is refused in one sentence that names it and never holds it",
  ({ name, value }) => {
    const message = messageOf({ ...base(), [name]: value });
    expect(message).toMatch(new RegExp(`^${name} (?:is|must|names) .+\\.$`));
    expect(message).not.toContain("\n");
    expect(message).not.toContain(canary);
    // Whatever is long enough to be more than a word of the sentence.
    const parts = typeof value === "string" ? value.split(/[,;\s]/).filter((part) => part.length > 2) : [];
    const words = new Set(["flag", "ignore", "revoke", "gk_", "postgresql", "two-factor", "everyone="]);
    for (const part of parts) if (!words.has(part)) expect(message).not.toContain(part);
  },
);

test("every variable that has no default is in the table, and each is missed by its own name", () => {
  for (const name of Object.keys(base())) {
    const rest = Object.fromEntries(Object.entries(base()).filter(([known]) => known !== name));
    const isOptional = ["REVOCATION_BOUND_SECONDS", "IMPORTED_KEY_PREFIXES"].includes(name);
    expect(refused).toHaveProperty(name);
    expect(messageOf(rest).split(" ")[0]).toBe(isOptional ? "accepted" : name);
  }
  expect(messageOf({})).toMatch(/^ISSUER is missing/);
});

describe("what is accepted", () => {
  const accepted = (change: Record<string, unknown>) => readConfig({ ...base(), ...change });

  test("defaults stand for what may be left out", () => {
    const { REVOCATION_BOUND_SECONDS: _, IMPORTED_KEY_PREFIXES: __, ...rest } = base();
    expect(readConfig(rest)).toMatchObject({
      revocationBoundSeconds: 10,
      accessTokenSeconds: 600,
      importedKeyPrefixes: [],
      leakPolicy: "flag",
      levelPolicy: { everyone: null, accountScopes: new Map(), scopes: new Map(), clients: new Map() },
      trustedProxies: [],
      services: {},
      passkeys: { rpId: new URL(base().ISSUER ?? "").hostname, origins: [base().ISSUER], allowedAaguids: [] },
    });
  });

  test.each([
    ["https://auth.example.com", "https://auth.example.com"],
    ["https://auth.example.com/", "https://auth.example.com"],
    ["https://auth.example.com:8443", "https://auth.example.com:8443"],
    ["http://localhost:8787", "http://localhost:8787"],
    ["http://127.0.0.1:8787/", "http://127.0.0.1:8787"],
    ["http://[::1]:8787", "http://[::1]:8787"],
  ])("ISSUER %s becomes the origin %s", (given, origin) => {
    expect(accepted({ ISSUER: given }).issuer).toBe(origin);
  });

  test("the ends of each range belong to it", () => {
    expect(accepted({ ACCESS_TOKEN_SECONDS: "300" }).accessTokenSeconds).toBe(300);
    expect(accepted({ ACCESS_TOKEN_SECONDS: "900" }).accessTokenSeconds).toBe(900);
    expect(accepted({ REVOCATION_BOUND_SECONDS: "0" }).revocationBoundSeconds).toBe(0);
    expect(accepted({ REVOCATION_BOUND_SECONDS: "300" }).revocationBoundSeconds).toBe(300);
  });

  test("secrets come newest first, whatever their order and the space around them", () => {
    const { keyEncryptionKeys } = accepted({
      KEY_ENCRYPTION_KEYS: ` ${one} , ${secret(12, 90)},${secret(3, 40)}`,
    });
    expect(keyEncryptionKeys.map(({ version }) => version)).toEqual([12, 3, 1]);
    expect(keyEncryptionKeys.every(({ secret: bytes }) => bytes.length === 32)).toBe(true);
  });

  test("lists are trimmed, proxies become ranges, and only bindings that can fetch are services", () => {
    const config = accepted({
      IMPORTED_KEY_PREFIXES: " legacy_, old-key ,",
      TRUSTED_PROXIES: "10.0.0.1, 2001:db8::/32",
      LEAKED_KEY_POLICY: "revoke",
      ORDERS: { fetch: () => Promise.resolve(new Response()) },
      CACHE: { get: () => null },
      SOME_TEXT: "text",
    });
    expect(config).toMatchObject({
      importedKeyPrefixes: ["legacy_", "old-key"],
      trustedProxies: ["10.0.0.1/32", "2001:db8::/32"],
      leakPolicy: "revoke",
    });
    expect(Object.keys(config.services)).toEqual(["ORDERS"]);
  });

  test("text messages are configured whole or not at all, for countries by their calling codes", () => {
    const sms = {
      SMS_API_URL: "https://api.twilio.com",
      SMS_API_KEY: "AC0123456789abcdef:token-0123456789",
      SMS_FROM: "+4915112345678",
      SMS_COUNTRIES: " +49, +1242,",
    };
    expect(accepted({}).sms).toBeNull();
    expect(accepted(Object.fromEntries(Object.keys(sms).map((name) => [name, ""]))).sms).toBeNull();
    expect(accepted(sms).sms).toEqual({
      url: sms.SMS_API_URL,
      key: { account: "AC0123456789abcdef", token: "token-0123456789" },
      from: sms.SMS_FROM,
      countries: ["+49", "+1242"],
    });
    expect(accepted({ ...sms, SMS_FROM: "Acme Shop" }).sms?.from).toBe("Acme Shop");
    const wrong: Record<keyof typeof sms, readonly string[]> = {
      SMS_API_URL: ["", canary, `http://${canary}.example.com`],
      SMS_API_KEY: ["", canary, `AC${canary}`, `:${canary}`, `AC1:${canary} x`, `BC1:${canary}`, "AC1:short"],
      SMS_FROM: ["", "004915112345678", "+49 151 12345678", `${canary}`, "12345", "Far too long a name"],
      SMS_COUNTRIES: ["", ",", canary, "49", "+4", "+44,+", "+1;+44", "+0"],
    };
    for (const [name, values] of Object.entries(wrong))
      for (const value of values) {
        const message = messageOf({ ...base(), ...sms, [name]: value });
        expect([value, message]).toEqual([
          value,
          expect.stringMatching(new RegExp(`^${name} (?:is|must) .+\\.$`)),
        ]);
        expect(message).not.toContain(canary);
      }
  });

  test("levels are demanded of sign-ins and of tokens, by rules of four forms", () => {
    const { levelPolicy } = accepted({
      LEVEL_POLICY:
        "everyone=two-factor, account-scope:gatehouse:admin=phishing-resistant, scope:orders.write=two-factor," +
        "scope:a=b=one-factor, client:first-party=two-factor",
    });
    expect(levelPolicy).toEqual({
      everyone: "two-factor",
      accountScopes: new Map([["gatehouse:admin", "phishing-resistant"]]),
      scopes: new Map([
        ["orders.write", "two-factor"],
        ["a=b", "one-factor"],
      ]),
      clients: new Map([["first-party", "two-factor"]]),
    });
  });

  test("pages bear the issuer's host unless a name is given, and the accent has a readable shade for each scheme", () => {
    expect(accepted({ ISSUER: "https://auth.example.com:8443" }).brand.name).toBe("auth.example.com:8443");
    const { brand } = accepted({ BRAND_NAME: "مطابع Aurora & Söhne", BRAND_ACCENT: "#7A0019" });
    expect(brand.name).toBe("مطابع Aurora & Söhne");
    expect(brand.accent.onLight).toBe("#7a0019");
    expect(brand.accent.onDark).toMatch(/^#[0-9a-f]{6}$/);
  });

  test.each([
    ["https://auth.example.com", "", "auth.example.com", ["https://auth.example.com"]],
    ["https://auth.example.com:8443", "", "auth.example.com", ["https://auth.example.com:8443"]],
    ["http://localhost:8787", "", "localhost", ["http://localhost:8787"]],
    ["https://auth.example.com", "", "example.com", ["https://auth.example.com"]],
    ["https://auth.example.com", "https://shop.example.net", "example.com", ["https://shop.example.net"]],
    [
      "https://auth.example.com",
      "https://a.example.net,https://example.net",
      "example.net",
      ["https://a.example.net", "https://example.net"],
    ],
    [
      "https://auth.example.com",
      "http://app.localhost:5173",
      "auth.example.com",
      ["http://app.localhost:5173"],
    ],
  ])("of issuer %s and origins %j passkeys may be made for %s, at %j", (ISSUER, given, rpId, origins) => {
    const { passkeys } = accepted({ ISSUER, PASSKEY_RP_ID: rpId, PASSKEY_ORIGINS: given });
    expect(passkeys).toEqual({ rpId, origins, allowedAaguids: [] });
  });

  test("not for a domain that neither the issuer nor every origin stands under, however alike", () => {
    const ISSUER = "https://auth.example.com";
    for (const change of [
      { PASSKEY_RP_ID: "example.net" },
      { PASSKEY_RP_ID: "ample.com" },
      { PASSKEY_RP_ID: "a.auth.example.com" },
      { PASSKEY_RP_ID: "localhost" },
      { PASSKEY_RP_ID: "example.net", PASSKEY_ORIGINS: "https://example.net,https://example.org" },
    ]) {
      expect(messageOf({ ...base(), ISSUER, ...change })).toMatch(/^PASSKEY_RP_ID must be the issuer's host/);
    }
  });

  test("models of authenticators are kept in lower case", () => {
    const model = "08987058-CADC-4B81-B6E1-30DE50DCBE96";
    expect(accepted({ PASSKEY_AAGUIDS: ` ${model},` }).passkeys.allowedAaguids).toEqual([
      model.toLowerCase(),
    ]);
  });

  test("a store on this machine may speak plain HTTP, one elsewhere HTTPS only", () => {
    const url = "http://localhost:8079";
    expect(accepted({ UPSTASH_REDIS_REST_URL: url }).redisUrl).toBe(url);
    const remote = "https://eu1-x.upstash.io";
    expect(accepted({ UPSTASH_REDIS_REST_URL: remote }).redisUrl).toBe(remote);
  });
});
