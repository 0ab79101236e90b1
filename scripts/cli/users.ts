import { refusal } from "../stack/refusal.ts";
import { oneOf, parsePageSize } from "./arguments.ts";
import { type Call, type Command, listOrNone, type Option, said } from "./command.ts";
import type { Connection } from "./connection.ts";
import { readSecret } from "./given-file.ts";
import { callManagement } from "./management-api.ts";
import { feltEverywhere } from "./presentation.ts";
import { usageError } from "./usage.ts";
import { userFields, userTable } from "./user-view.ts";

export const person = "ID|EMAIL";
const states = ["active", "disabled", "deleted"] as const;
const scope: Option = { value: "SCOPE", help: "what tokens of the account may be used for", many: true };

export const userCommands: readonly Command[] = [
  {
    name: "users create",
    summary: "Makes a person's account, its address verified by your word",
    options: {
      email: { value: "ADDRESS", help: "a mail address", required: true },
      scope,
      "password-from": { value: "FILE", help: "the password is its first line (- for standard input)" },
    },
    note: "Without a password the account is opened by a recovery: the person chooses the first one by mail.",
    uses: ["createUser"],
    run: createUser,
  },
  {
    name: "users list",
    summary: "Lists people, newest first",
    options: {
      email: { value: "ADDRESS", help: "only the one with this address" },
      state: { value: states.join("|"), help: "only these; deleted ones are shown only so" },
      limit: { value: "N", help: "so many at once, up to 200; 50 unless said" },
      cursor: { value: "CURSOR", help: "where the page before ended" },
    },
    uses: ["listUsers"],
    run: listUsers,
  },
  {
    name: "users show",
    operand: person,
    summary: "Shows a person's account",
    options: {},
    uses: ["getUser"],
    async run({ given, json, connection, say }) {
      const gatehouse = connection();
      const params = { id: await userIdOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, "getUser", { params });
      say(json ? text : userFields(value));
      return 0;
    },
  },
  {
    name: "users update",
    operand: person,
    summary: "Changes what a person may do",
    options: { scope, "no-scopes": { value: null, help: "takes all scopes away" } },
    note: "The list that is given replaces the whole list. What is taken away, living tokens lose too.",
    uses: ["updateUser"],
    run: updateUser,
  },
  switchCommand(
    "disable",
    "Ends every session of a person, lets them begin none, and stops the keys they own",
    false,
  ),
  switchCommand("enable", "Lets a disabled person sign in again; the keys they own open doors again", true),
  endCommand("delete", "deleteUser", "Deletes a person's account with all sessions, tokens and API keys"),
  endCommand("logout", "logOutUser", "Ends every session of a person, wherever they are signed in"),
];

/** Ids hold no at sign, addresses always do. */
export async function userIdOf(gatehouse: Connection, idOrEmail: string): Promise<string> {
  if (!idOrEmail.includes("@")) return idOrEmail;
  const { value } = await callManagement(gatehouse, "listUsers", { query: { email: idOrEmail } });
  const [user] = value.data;
  if (!user) throw refusal(`Nobody has the address "${idOrEmail}".`);
  return user.id;
}

async function createUser({ given, json, connection, say }: Call): Promise<number> {
  const file = given.text("password-from");
  const body = {
    email: given.text("email") ?? "",
    ...said({
      scopes: given.texts("scope"),
      password: file === undefined ? undefined : await readSecret(file),
    }),
  };
  const { text, value } = await callManagement(connection(), "createUser", { body });
  say(json ? text : userFields(value));
  return 0;
}

async function listUsers({ given, json, connection, say }: Call): Promise<number> {
  const query = {
    email: given.text("email"),
    state: given.read("state", (flag, typed) => oneOf(flag, typed, states)),
    limit: given.read("limit", parsePageSize),
    cursor: given.text("cursor"),
  };
  const { text, value } = await callManagement(connection(), "listUsers", { query });
  const more = value.next_cursor ? `\n\nThere are more: --cursor ${value.next_cursor}` : "";
  say(json ? text : `${value.data.length === 0 ? "Nobody." : userTable(value.data)}${more}`);
  return 0;
}

async function updateUser({ given, json, connection, say, now }: Call): Promise<number> {
  const body = said({ scopes: listOrNone(given, "scope", "no-scopes", given.texts("scope")) });
  if (Object.keys(body).length === 0) throw usageError("users update needs at least one thing to change.");
  const gatehouse = connection();
  const params = { id: await userIdOf(gatehouse, given.operand) };
  const { text, value } = await callManagement(gatehouse, "updateUser", { params, body });
  say(json ? text : `${userFields(value)}\n\n${feltEverywhere(value, now())}`);
  return 0;
}

function switchCommand(word: string, summary: string, enabled: boolean): Command {
  return {
    name: `users ${word}`,
    operand: person,
    summary,
    options: {},
    uses: ["updateUser"],
    async run({ given, json, connection, say, now }) {
      const gatehouse = connection();
      const params = { id: await userIdOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, "updateUser", { params, body: { enabled } });
      say(json ? text : `${given.operand} is ${word}d.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  };
}

const done = { delete: "is deleted", logout: "is signed out everywhere" } as const;

function endCommand(
  word: keyof typeof done,
  operation: "deleteUser" | "logOutUser",
  summary: string,
): Command {
  return {
    name: `users ${word}`,
    operand: person,
    summary,
    options: {},
    uses: [operation],
    async run({ given, json, connection, say, now }) {
      const gatehouse = connection();
      const params = { id: await userIdOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, operation, { params });
      say(json ? text : `${given.operand} ${done[word]}.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  };
}
