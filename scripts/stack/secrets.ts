import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { randomBase62 } from "../../src/crypto/base62.ts";
import { brokenData, isNewDatabase, type LocalData } from "./local-data.ts";

const VERSION = 1;

/** What a cloud would keep as Worker secrets; made once, kept beside the database they belong to. */
export type LocalSecrets = {
  version: typeof VERSION;
  /** Versioned secrets in the form of KEY_ENCRYPTION_KEYS. */
  keyEncryptionKeys: string;
  /** Versioned secrets in the form of API_KEY_TAG_SECRETS. */
  apiKeyTagSecrets: string;
  upstashToken: string;
  adminKey?: string;
  /** Older files have none. */
  demo?: DemoAccount;
};

/** Somebody to sign in as. */
export type DemoAccount = { email: string; password: string };

export function loadSecrets(data: LocalData): LocalSecrets {
  if (existsSync(data.secrets)) return readSecrets(data);
  if (!isNewDatabase(data))
    throw brokenData(data, "secrets.json is missing and the database is sealed with it");
  const secrets: LocalSecrets = {
    version: VERSION,
    keyEncryptionKeys: `1:${randomText()}`,
    apiKeyTagSecrets: `1:${randomText()}`,
    upstashToken: randomText(),
  };
  saveSecrets(data, secrets);
  return secrets;
}

/** As long as no policy refuses it, and nobody's but this directory's. */
export const newDemoAccount = (): DemoAccount => ({
  email: "demo@gatehouse.local",
  password: Array.from({ length: 4 }, () => randomBase62(5)).join("-"),
});

/** Written aside and renamed: a crash in between leaves the old file whole. */
export function saveSecrets(data: LocalData, secrets: LocalSecrets): void {
  const aside = `${data.secrets}.${process.pid}`;
  writeFileSync(aside, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  renameSync(aside, data.secrets);
}

function readSecrets(data: LocalData): LocalSecrets {
  let read: Partial<LocalSecrets> | null;
  try {
    read = JSON.parse(readFileSync(data.secrets, "utf8")) as Partial<LocalSecrets> | null;
  } catch (error) {
    throw brokenData(data, "secrets.json cannot be read", error);
  }
  if (read?.version !== VERSION)
    throw brokenData(data, "secrets.json comes from another version of Gatehouse");
  const { keyEncryptionKeys, apiKeyTagSecrets, upstashToken, adminKey, demo } = read;
  if (!keyEncryptionKeys || !apiKeyTagSecrets || !upstashToken) {
    throw brokenData(data, "secrets.json is incomplete");
  }
  const secrets: LocalSecrets = { version: VERSION, keyEncryptionKeys, apiKeyTagSecrets, upstashToken };
  return { ...secrets, ...(adminKey ? { adminKey } : {}), ...(isDemoAccount(demo) ? { demo } : {}) };
}

const isDemoAccount = (read: Partial<DemoAccount> | null | undefined): read is DemoAccount =>
  typeof read?.email === "string" && typeof read.password === "string";

function randomText(): string {
  return randomBytes(32).toString("base64url");
}
