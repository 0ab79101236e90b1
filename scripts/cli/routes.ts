import { levels } from "../../src/tokens/levels.ts";
import { refusal } from "../stack/refusal.ts";
import { oneOf, parseRouteLimit, parseSeconds } from "./arguments.ts";
import { type Call, type Command, type Given, listOrNone, type Option, said } from "./command.ts";
import type { Connection } from "./connection.ts";
import { callManagement, type RouteShown } from "./management-api.ts";
import { feltEverywhere, fields, listOf, span, table, time } from "./presentation.ts";
import { usageError } from "./usage.ts";

const kinds = ["api-key", "access-token", "client-certificate", "public"] as const;

const routeOptions: Readonly<Record<string, Option>> = {
  name: { value: "WORD", help: "what it is called: a to z, 0 to 9, -" },
  path: { value: "PATH", help: "what requests begin with, as /orders; / takes all" },
  host: { value: "HOST", help: "a hostname of its own; under /gateway of the issuer unless said" },
  upstream: { value: "URL", help: "where it leads" },
  service: { value: "NAME", help: "where it leads: a service binding, instead of --upstream" },
  credential: { value: "KIND", help: `${kinds.join(", ")} (nobody is asked)`, many: true },
  scope: { value: "SCOPE", help: "what a credential must carry", many: true },
  level: {
    value: "LEVEL",
    help: `what an access token must have proved: ${levels.join(", ")}; binds no key`,
  },
  "max-age": { value: "TIME", help: "how long ago its person may have signed in; binds no key" },
  limit: {
    value: "NAME=N/TIME[,per=…][,when-unavailable=…]",
    help: "per key, owner or address (key unless said); without Redis open, closed or local (local unless said)",
    many: true,
  },
  timeout: { value: "TIME", help: "until the upstream's first byte; 30s unless said" },
  "cors-origin": { value: "ORIGIN", help: "an origin whose pages may call it", many: true },
  audience: {
    value: "URI",
    help: "whose access tokens it takes; its own and the issuer's unless said",
    many: true,
  },
  "keep-path": { value: null, help: "sends the whole path to the upstream instead of cutting PATH off" },
};

const reference = "ID|NAME";

export const routeCommands: readonly Command[] = [
  {
    name: "routes create",
    summary: "Makes a gateway route",
    options: {
      ...routeOptions,
      name: { value: "WORD", help: "what it is called: a to z, 0 to 9, -", required: true },
      path: { value: "PATH", help: "what requests begin with, as /orders; / takes all", required: true },
      credential: {
        value: "KIND",
        help: `${kinds.join(", ")} (nobody is asked)`,
        many: true,
        required: true,
      },
      disabled: { value: null, help: "does not open it yet" },
    },
    note: `One of --upstream and --service is needed. A limit in full:
  --limit burst=60/60s,per=owner,when-unavailable=closed`,
    uses: ["createRoute"],
    run: createRoute,
  },
  {
    name: "routes list",
    summary: "Lists gateway routes by name",
    options: {},
    uses: ["listRoutes"],
    async run({ json, connection, say }) {
      const { text, value } = await callManagement(connection(), "listRoutes", {});
      const people = value.data.length === 0 ? "No routes." : routeTable(value.data);
      say(json ? text : people);
      return 0;
    },
  },
  {
    name: "routes show",
    operand: reference,
    summary: "Shows a gateway route",
    options: {},
    uses: ["getRoute"],
    async run({ given, json, connection, say }) {
      const gatehouse = connection();
      const params = { id: await idOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, "getRoute", { params });
      say(json ? text : routeFields(value));
      return 0;
    },
  },
  {
    name: "routes update",
    operand: reference,
    summary: "Changes a gateway route",
    options: {
      ...routeOptions,
      "no-host": { value: null, help: "puts it back under /gateway of the issuer" },
      "no-scopes": { value: null, help: "asks for no scope" },
      "no-level": { value: null, help: "takes tokens of every level" },
      "no-max-age": { value: null, help: "takes tokens of every sign-in, however long ago" },
      "no-limits": { value: null, help: "takes its limits away" },
      "no-cors-origins": { value: null, help: "lets no other origin's pages call it" },
      "no-audiences": { value: null, help: "takes tokens for its own URL and for the issuer again" },
      "cut-path": { value: null, help: "cuts PATH off before the upstream: the opposite of --keep-path" },
    },
    note: "A list that is given replaces the whole list.",
    uses: ["updateRoute", "getRoute"],
    run: updateRoute,
  },
  switchCommand("disable", "Closes a gateway route until it is enabled again", false),
  switchCommand("enable", "Opens a disabled gateway route", true),
  {
    name: "routes delete",
    operand: reference,
    summary: "Deletes a gateway route",
    options: {},
    uses: ["deleteRoute"],
    async run({ given, json, connection, say, now }) {
      const gatehouse = connection();
      const params = { id: await idOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, "deleteRoute", { params });
      say(json ? text : `${given.operand} is deleted.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  },
];

/** Ids hold an underscore, names never do. */
async function idOf(gatehouse: Connection, idOrName: string): Promise<string> {
  if (idOrName.includes("_")) return idOrName;
  const { value } = await callManagement(gatehouse, "listRoutes", {});
  const route = value.data.find(({ name }) => name === idOrName);
  if (!route) throw refusal(`No route has the name "${idOrName}".`);
  return route.id;
}

async function createRoute({ given, json, connection, say, now }: Call): Promise<number> {
  const upstream = upstreamOf(given);
  if (!upstream) throw usageError("routes create needs --upstream or --service.");
  const host = given.text("host");
  const body = {
    name: given.text("name") ?? "",
    match: { path: given.text("path") ?? "", ...said({ host }) },
    upstream,
    credentials: kindsOf(given) ?? [],
    ...settingsOf(given),
    ...(given.has("disabled") ? { enabled: false } : {}),
  };
  const { text, value } = await callManagement(connection(), "createRoute", { body });
  say(json ? text : `${routeFields(value)}\n\n${feltEverywhere(value, now())}`);
  return 0;
}

async function updateRoute({ given, json, connection, say, now }: Call): Promise<number> {
  if (given.has("no-host") && given.has("host")) throw usageError("--host and --no-host exclude each other.");
  if (given.has("cut-path") && given.has("keep-path")) {
    throw usageError("--keep-path and --cut-path exclude each other.");
  }
  const edits = {
    ...said({ name: given.text("name"), upstream: upstreamOf(given), credentials: kindsOf(given) }),
    ...settingsOf(given),
    ...(given.has("cut-path") ? { keep_path: false } : {}),
  };
  const movesMatch = ["path", "host", "no-host"].some(given.has);
  if (!movesMatch && Object.keys(edits).length === 0) {
    throw usageError("routes update needs at least one thing to change.");
  }
  const gatehouse = connection();
  const id = await idOf(gatehouse, given.operand);
  const match = movesMatch ? { match: await matchOf(gatehouse, id, given) } : {};
  const asked = { params: { id }, body: { ...edits, ...match } };
  const { text, value } = await callManagement(gatehouse, "updateRoute", asked);
  say(json ? text : `${routeFields(value)}\n\n${feltEverywhere(value, now())}`);
  return 0;
}

/** The API takes host and path together: what was not said is taken from the route as it is. */
async function matchOf(gatehouse: Connection, id: string, given: Given) {
  const { value } = await callManagement(gatehouse, "getRoute", { params: { id } });
  const host = given.text("host") ?? value.match.host;
  return { path: given.text("path") ?? value.match.path, host: given.has("no-host") ? null : host };
}

function switchCommand(word: string, summary: string, enabled: boolean): Command {
  return {
    name: `routes ${word}`,
    operand: reference,
    summary,
    options: {},
    uses: ["updateRoute"],
    async run({ given, json, connection, say, now }) {
      const gatehouse = connection();
      const params = { id: await idOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, "updateRoute", { params, body: { enabled } });
      say(json ? text : `${given.operand} is ${word}d.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  };
}

function upstreamOf(given: Given): { url: string } | { service: string } | undefined {
  const url = given.text("upstream");
  const service = given.text("service");
  if (url !== undefined && service !== undefined)
    throw usageError("--upstream and --service exclude each other.");
  if (url !== undefined) return { url };
  return service === undefined ? undefined : { service };
}

const kindsOf = (given: Given) => given.readAll("credential", (flag, text) => oneOf(flag, text, kinds));

/** A demand that `--no-…` takes away. */
function orNull<Value>(given: Given, option: string, value: Value | undefined): Value | null | undefined {
  if (!given.has(`no-${option}`)) return value;
  if (value !== undefined) throw usageError(`--${option} and --no-${option} exclude each other.`);
  return null;
}

function settingsOf(given: Given) {
  return said({
    scopes: listOrNone(given, "scope", "no-scopes", given.texts("scope")),
    level: orNull(
      given,
      "level",
      given.read("level", (flag, text) => oneOf(flag, text, levels)),
    ),
    max_age_seconds: orNull(given, "max-age", given.read("max-age", parseSeconds)),
    limits: listOrNone(given, "limit", "no-limits", given.readAll("limit", parseRouteLimit)),
    cors_origins: listOrNone(given, "cors-origin", "no-cors-origins", given.texts("cors-origin")),
    audiences: listOrNone(given, "audience", "no-audiences", given.texts("audience")),
    timeout_seconds: given.read("timeout", parseSeconds),
    keep_path: given.has("keep-path") ? true : undefined,
  });
}

const upstreamShown = ({ upstream }: RouteShown): string =>
  "url" in upstream && upstream.url !== undefined ? upstream.url : `service ${upstream.service}`;

const routeTable = (routes: readonly RouteShown[]): string =>
  table(
    ["ID", "NAME", "REACHED AT", "LEADS TO", "CREDENTIALS", "SCOPES", "STATE"],
    routes.map((route) => [
      route.id,
      route.name,
      route.public_url,
      upstreamShown(route),
      listOf(route.credentials),
      listOf(route.scopes),
      route.enabled ? "open" : "disabled",
    ]),
  );

const routeFields = (route: RouteShown): string =>
  fields({
    id: route.id,
    name: route.name,
    "reached at": route.public_url,
    "leads to": `${upstreamShown(route)}${route.keep_path ? " (with the whole path)" : ""}`,
    credentials: listOf(route.credentials),
    scopes: listOf(route.scopes) || "none",
    level: route.level ?? "any",
    "signed in":
      route.max_age_seconds === null ? "at any time" : `${span(route.max_age_seconds)} ago at most`,
    limits: listOf(route.limits.map(limitShown)) || "none",
    timeout: span(route.timeout_seconds),
    "cors origins": listOf(route.cors_origins) || "none",
    audiences: listOf(route.audiences) || "its own and the issuer's",
    state: route.enabled ? "open" : "disabled",
    created: time(route.created_at),
    changed: time(route.updated_at),
  });

const limitShown = (limit: RouteShown["limits"][number]): string =>
  `${limit.name}=${limit.limit}/${span(limit.window_seconds)},per=${limit.per},when-unavailable=${limit.when_unavailable}`;
