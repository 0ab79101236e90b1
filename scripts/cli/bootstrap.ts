import { readConfig } from "../../src/env.ts";
import { refusal } from "../stack/refusal.ts";
import type { Command } from "./command.ts";
import { secretOnce } from "./presentation.ts";

const undefinedTable = "42P01";

export const bootstrapCommand: Command = {
  name: "bootstrap",
  summary: "Makes the first management key and signing key of a new Gatehouse",
  options: {},
  note: `It writes straight to the stores, with the Worker's own variables in the environment: ISSUER, DATABASE_URL,
UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, KEY_ENCRYPTION_KEYS, API_KEY_TAG_SECRETS. Run npm run migrate before
it. Each run makes another management key, unless GATEHOUSE_ADMIN_KEY holds one that still opens the management API.`,
  uses: [],
  async run({ environment, json, say }) {
    const existing = environment["GATEHOUSE_ADMIN_KEY"];
    const { adminKey } = await makeFirstKeys(environment, existing);
    const people =
      adminKey === existing
        ? "The key in GATEHOUSE_ADMIN_KEY opens the management API already: no other was made."
        : `The first management key is made; it opens the whole management API.\n${secretOnce(adminKey)}`;
    say(json ? JSON.stringify({ admin_key: adminKey }) : people);
    return 0;
  },
};

async function makeFirstKeys(
  given: Readonly<Record<string, string | undefined>>,
  existing: string | undefined,
) {
  const environment = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  try {
    readConfig(environment);
  } catch (error) {
    throw refusal((error as Error).message, error);
  }
  // Bring the Worker's rooms and drivers, for which no other command should wait.
  const { firstKeys } = await import("../stack/first-keys.ts");
  const { sqlStateOf } = await import("../../src/storage/database.ts");
  return firstKeys({ environment, ...(existing ? { existing } : {}) }).catch((error: unknown) => {
    throw refusal(sentenceOf(sqlStateOf(error)), error);
  });
}

/** A driver's own message may hold a statement and its values: only its code is shown. */
function sentenceOf(code: string | undefined): string {
  if (code === undefinedTable)
    return "The database of DATABASE_URL has no tables yet: run npm run migrate first.";
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) {
    return `The database of DATABASE_URL refused (SQLSTATE ${code}).`;
  }
  return `The database of DATABASE_URL cannot be reached${code ? ` (${code})` : ""}.`;
}
