import { endOf, oneOf, parseKeyLimit, parseMetadata, parseOwner, parsePageSize } from "./arguments.ts";
import { type Call, type Command, type Given, listOrNone, type Option, said } from "./command.ts";
import { readKeysToImport } from "./key-file.ts";
import { keyFields, keyTable } from "./key-view.ts";
import { callManagement } from "./management-api.ts";
import { feltEverywhere, secretOnce } from "./presentation.ts";
import { usageError } from "./usage.ts";

const environments = ["live", "test"] as const;

const expires: Option = { value: "WHEN", help: "30d from now, or a time like 2027-01-31T12:00:00Z" };
const listed: Readonly<Record<string, Option>> = {
  scope: { value: "SCOPE", help: "what it may do", many: true },
  allow: {
    value: "RANGE",
    help: "address or CIDR range it may be used from; none: from anywhere",
    many: true,
  },
  limit: { value: "NAME=N/TIME", help: "at most N uses in a time, as per-minute=60/60s", many: true },
  metadata: { value: "JSON", help: "an object of your own, up to 4 KB" },
};
const ownerOption: Option = { value: "TYPE:ID", help: "whose it is: user:ID, organization:ID or service:ID" };

const parseEnvironment = (flag: string, text: string) => oneOf(flag, text, environments);
const limitsOf = (given: Given) => given.readAll("limit", parseKeyLimit);

export const keyCommands: readonly Command[] = [
  {
    name: "keys create",
    summary: "Makes an API key and shows its secret this once",
    options: {
      name: { value: "TEXT", help: "what it is for", required: true },
      owner: { ...ownerOption, required: true },
      environment: { value: "live|test", help: "live unless said" },
      expires: { ...expires, help: `${expires.help}; never unless said` },
      ...listed,
    },
    uses: ["createKey"],
    run: createKey,
  },
  {
    name: "keys list",
    summary: "Lists keys, newest first",
    options: {
      owner: ownerOption,
      environment: { value: "live|test", help: "only these" },
      limit: { value: "N", help: "so many at once, up to 200; 50 unless said" },
      cursor: { value: "CURSOR", help: "where the page before ended" },
    },
    uses: ["listKeys"],
    run: listKeys,
  },
  {
    name: "keys show",
    operand: "ID",
    summary: "Shows a key, never its secret",
    options: {},
    uses: ["getKey"],
    async run({ given, json, connection, say }) {
      const { text, value } = await callManagement(connection(), "getKey", { params: { id: given.operand } });
      say(json ? text : keyFields(value));
      return 0;
    },
  },
  {
    name: "keys update",
    operand: "ID",
    summary: "Changes a key",
    options: {
      name: { value: "TEXT", help: "what it is for" },
      expires: { ...expires, help: `${expires.help}, or never` },
      ...listed,
      "no-scopes": { value: null, help: "takes all scopes away" },
      "no-allow": { value: null, help: "lets it be used from anywhere" },
      "no-limits": { value: null, help: "takes its own limits away" },
    },
    note: "A list that is given replaces the whole list.",
    uses: ["updateKey"],
    run: updateKey,
  },
  switchCommand("disable", "Stops a key until it is enabled again", false),
  switchCommand("enable", "Lets a disabled key open doors again", true),
  {
    name: "keys import",
    operand: "FILE.json",
    summary: "Takes over keys made elsewhere, by the SHA-256 of their text: all or none",
    options: {},
    note: `The file (- for standard input) holds a list, or { "keys": list }, of at most 100 keys:
  { "name": "…", "owner": { "type": "user", "id": "u1" }, "sha256": "64 hex digits", "prefix": "legacy_", … }
and whatever else keys create takes, named as the API names it. The prefix is what the keys begin with; it must
be declared in IMPORTED_KEY_PREFIXES.`,
    uses: ["importKeys"],
    async run({ given, json, connection, say }) {
      const body = await readKeysToImport(given.operand);
      const { text, value } = await callManagement(connection(), "importKeys", { body });
      say(json ? text : `${keyTable(value.data)}\n\n${value.data.length} imported.`);
      return 0;
    },
  },
];

async function createKey({ given, json, connection, say, now }: Call): Promise<number> {
  const body = {
    name: given.text("name") ?? "",
    owner: parseOwner("--owner", given.text("owner") ?? ""),
    ...said({
      environment: given.read("environment", parseEnvironment),
      scopes: given.texts("scope"),
      expires_at: given.read("expires", endOf(now())),
      allowed_addresses: given.texts("allow"),
      limits: limitsOf(given),
      metadata: given.read("metadata", parseMetadata),
    }),
  };
  const { text, value } = await callManagement(connection(), "createKey", { body });
  say(json ? text : `${keyFields(value)}\n${secretOnce(value.key)}`);
  return 0;
}

async function listKeys({ given, json, connection, say }: Call): Promise<number> {
  const owner = given.read("owner", parseOwner);
  const query = {
    owner_type: owner?.type,
    owner_id: owner?.id,
    environment: given.read("environment", parseEnvironment),
    limit: given.read("limit", parsePageSize),
    cursor: given.text("cursor"),
  };
  const { text, value } = await callManagement(connection(), "listKeys", { query });
  const more = value.next_cursor ? `\n\nThere are more: --cursor ${value.next_cursor}` : "";
  say(json ? text : `${value.data.length === 0 ? "No keys." : keyTable(value.data)}${more}`);
  return 0;
}

async function updateKey({ given, json, connection, say, now }: Call): Promise<number> {
  const body = said({
    name: given.text("name"),
    expires_at: given.read("expires", endOf(now())),
    scopes: listOrNone(given, "scope", "no-scopes", given.texts("scope")),
    allowed_addresses: listOrNone(given, "allow", "no-allow", given.texts("allow")),
    limits: listOrNone(given, "limit", "no-limits", limitsOf(given)),
    metadata: given.read("metadata", parseMetadata),
  });
  if (Object.keys(body).length === 0) throw usageError("keys update needs at least one thing to change.");
  const asked = { params: { id: given.operand }, body };
  const { text, value } = await callManagement(connection(), "updateKey", asked);
  say(json ? text : `${keyFields(value)}\n\n${feltEverywhere(value, now())}`);
  return 0;
}

function switchCommand(word: string, summary: string, enabled: boolean): Command {
  return {
    name: `keys ${word}`,
    operand: "ID",
    summary,
    options: {},
    uses: ["updateKey"],
    async run({ given, json, connection, say, now }) {
      const asked = { params: { id: given.operand }, body: { enabled } };
      const { text, value } = await callManagement(connection(), "updateKey", asked);
      say(json ? text : `${given.operand} is ${word}d.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  };
}
