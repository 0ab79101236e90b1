import { refusal } from "../stack/refusal.ts";
import { parsePageSize, parseSeconds } from "./arguments.ts";
import { type Call, type Command, type Given, type Option, said } from "./command.ts";
import { nameOfFile, readGivenFile } from "./given-file.ts";
import { type Bodies, type ClientShown, callManagement, type NoticeShown } from "./management-api.ts";
import { feltEverywhere, fields, listOf, secretOnce, table, time } from "./presentation.ts";
import { usageError } from "./usage.ts";

type Wire = Omit<Bodies["updateClient"], "enabled">;

const shortGrants: Readonly<Record<string, string>> = {
  device_code: "urn:ietf:params:oauth:grant-type:device_code",
  "token-exchange": "urn:ietf:params:oauth:grant-type:token-exchange",
  "jwt-bearer": "urn:ietf:params:oauth:grant-type:jwt-bearer",
};

const clientOptions: Readonly<Record<string, Option>> = {
  name: { value: "TEXT", help: "what people are shown" },
  "redirect-uri": { value: "URI", help: "where browsers are sent back to", many: true },
  grant: {
    value: "GRANT",
    help: `authorization_code unless said; refresh_token, client_credentials, ${Object.keys(shortGrants).join(", ")}`,
    many: true,
  },
  auth: {
    value: "METHOD",
    help: "client_secret_basic unless said; client_secret_post, private_key_jwt, none (a public client)",
  },
  scope: { value: "SCOPE", help: "the most it may ever ask for", many: true },
  resource: { value: "URI", help: "what it may ask tokens for, beside gateway routes", many: true },
  jwks: { value: "FILE.json", help: "its public keys, for private_key_jwt" },
  metadata: { value: "FILE.json", help: "any other members, by the names of RFC 7591" },
};

export const clientCommands: readonly Command[] = [
  {
    name: "clients create",
    summary: "Registers an OAuth client and shows its secret this once",
    options: {
      ...clientOptions,
      name: { value: "TEXT", help: "what people are shown", required: true },
      "first-party": { value: null, help: "the house's own: people are not asked for consent" },
    },
    uses: ["createClient"],
    async run({ given, json, connection, say }) {
      const wire = await wireOf(given);
      const firstParty = given.has("first-party") ? { first_party: true } : {};
      const body = { ...wire, ...firstParty, client_name: wire.client_name ?? "" };
      const { text, value } = await callManagement(connection(), "createClient", { body });
      say(json ? text : `${clientFields(value)}${secretOf(value)}`);
      return 0;
    },
  },
  {
    name: "clients list",
    summary: "Lists OAuth clients, newest first",
    options: {
      limit: { value: "N", help: "so many at once, up to 200; 50 unless said" },
      cursor: { value: "CURSOR", help: "where the page before ended" },
    },
    uses: ["listClients"],
    async run({ given, json, connection, say }) {
      const query = { limit: given.read("limit", parsePageSize), cursor: given.text("cursor") };
      const { text, value } = await callManagement(connection(), "listClients", { query });
      const more = value.next_cursor ? `\n\nThere are more: --cursor ${value.next_cursor}` : "";
      say(json ? text : `${value.data.length === 0 ? "No clients." : clientTable(value.data)}${more}`);
      return 0;
    },
  },
  {
    name: "clients show",
    operand: "ID",
    summary: "Shows an OAuth client, never its secrets",
    options: {},
    uses: ["getClient"],
    async run({ given, json, connection, say }) {
      const params = { id: given.operand };
      const { text, value } = await callManagement(connection(), "getClient", { params });
      say(json ? text : clientFields(value));
      return 0;
    },
  },
  {
    name: "clients logouts",
    operand: "ID",
    summary: "Lists what an OAuth client was told of sessions that ended, and how it took it",
    options: {},
    uses: ["listLogoutNotices"],
    async run({ given, json, connection, say }) {
      const params = { id: given.operand };
      const { text, value } = await callManagement(connection(), "listLogoutNotices", { params });
      const told = value.data.length === 0 ? "It was told of none." : noticeTable(value.data);
      say(json ? text : told);
      return 0;
    },
  },
  {
    name: "clients update",
    operand: "ID",
    summary: "Changes an OAuth client",
    options: clientOptions,
    note: "A list that is given replaces the whole list.",
    uses: ["updateClient"],
    run: updateClient,
  },
  switchCommand("disable", "Stops an OAuth client, and ends the access tokens it was given", false),
  switchCommand("enable", "Lets a disabled OAuth client work again", true),
  {
    name: "clients rotate-secret",
    operand: "ID",
    summary: "Gives an OAuth client a new secret; the one before it lives on for the overlap",
    options: {
      overlap: {
        value: "TIME",
        help: "how long the old secret still works, as 1h; up to 30d, 0 unless said",
      },
    },
    uses: ["rotateClientSecret"],
    async run({ given, json, connection, say, now }) {
      const body = said({ overlap_seconds: given.read("overlap", parseSeconds) });
      const asked = { params: { id: given.operand }, body };
      const { text, value } = await callManagement(connection(), "rotateClientSecret", asked);
      say(json ? text : `${clientFields(value)}${secretOf(value)}\n${feltEverywhere(value, now())}`);
      return 0;
    },
  },
  {
    name: "clients delete",
    operand: "ID",
    summary: "Deletes an OAuth client with all that it was given",
    options: {},
    uses: ["deleteClient"],
    async run({ given, json, connection, say, now }) {
      const params = { id: given.operand };
      const { text, value } = await callManagement(connection(), "deleteClient", { params });
      say(json ? text : `${given.operand} is deleted.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  },
];

async function updateClient({ given, json, connection, say, now }: Call): Promise<number> {
  const body = await wireOf(given);
  if (Object.keys(body).length === 0) throw usageError("clients update needs at least one thing to change.");
  const asked = { params: { id: given.operand }, body };
  const { text, value } = await callManagement(connection(), "updateClient", asked);
  say(json ? text : `${clientFields(value)}${secretOf(value)}\n${feltEverywhere(value, now())}`);
  return 0;
}

function switchCommand(word: string, summary: string, enabled: boolean): Command {
  return {
    name: `clients ${word}`,
    operand: "ID",
    summary,
    options: {},
    uses: ["updateClient"],
    async run({ given, json, connection, say, now }) {
      const asked = { params: { id: given.operand }, body: { enabled } };
      const { text, value } = await callManagement(connection(), "updateClient", asked);
      say(json ? text : `${given.operand} is ${word}d.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  };
}

/** What was typed, in the names of the wire; the API judges it. */
async function wireOf(given: Given): Promise<Wire> {
  const file = given.text("metadata");
  const jwks = given.text("jwks");
  const grants = given.texts("grant")?.map((grant) => shortGrants[grant] ?? grant);
  const typed = said({
    client_name: given.text("name"),
    redirect_uris: given.texts("redirect-uri"),
    grant_types: grants,
    response_types: grants && (grants.includes("authorization_code") ? ["code"] : []),
    token_endpoint_auth_method: given.text("auth"),
    scope: given.texts("scope")?.join(" "),
    resources: given.texts("resource"),
  });
  const read = file === undefined ? {} : await readObject(file);
  return { ...read, ...typed, ...(jwks === undefined ? {} : { jwks: await readObject(jwks) }) } as Wire;
}

async function readObject(path: string): Promise<object> {
  let value: unknown = null;
  try {
    value = JSON.parse(await readGivenFile(path));
  } catch (error) {
    // The parser's own words would quote the file.
    if (error instanceof SyntaxError) throw refusal(`${nameOfFile(path)} is not JSON.`, error);
    throw error;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw refusal(`${nameOfFile(path)} must hold a JSON object.`);
  return value;
}

const secretOf = ({ client_secret: secret }: { readonly client_secret?: string }): string =>
  secret === undefined ? "" : `\n${secretOnce(secret)}`;

const stateOf = ({ enabled }: ClientShown): string => (enabled ? "active" : "disabled");

const clientTable = (clients: readonly ClientShown[]): string =>
  table(
    ["ID", "NAME", "STATE", "AUTH", "GRANTS", "CREATED"],
    clients.map((client) => [
      client.client_id,
      client.client_name,
      stateOf(client),
      client.token_endpoint_auth_method,
      listOf(client.grant_types.map((grant) => grant.replace(/^urn:.*:/, ""))),
      time(client.created_at),
    ]),
  );

const noticeTable = (notices: readonly NoticeShown[]): string =>
  table(
    ["SESSION", "USER", "STATE", "ATTEMPTS", "LAST STATUS", "ENDED"],
    notices.map((notice) => [
      notice.session_id,
      notice.user_id,
      notice.state,
      String(notice.attempts),
      String(notice.last_status ?? "none"),
      time(notice.noted_at),
    ]),
  );

const clientFields = (client: ClientShown): string =>
  fields({
    id: client.client_id,
    name: client.client_name,
    state: stateOf(client),
    "authenticates by": client.token_endpoint_auth_method,
    secrets: client.secrets
      .map(({ expires_at: end }) => (end === null ? "one that lasts" : `one until ${time(end)}`))
      .join(", "),
    grants: listOf(client.grant_types),
    "redirect uris": listOf(client.redirect_uris),
    scopes: client.scope,
    resources: listOf(client.resources),
    "first party": client.first_party ? "yes: nobody is asked for consent" : "no",
    "registered by": client.registered_by,
    created: time(client.created_at),
    updated: time(client.updated_at),
  });
