import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../scripts/demo/upstream.ts";
import { REPOSITORY } from "../../scripts/stack/local-data.ts";
import { type Stack, startStack } from "../../scripts/stack/stack.ts";

const secretAnywhere = /gk_(?:live|test)_[0-9A-Za-z]{60}/g;
const felt = /^Felt everywhere by \d{4}-\d\d-\d\dT[\d:.]+Z \(in \d+ s at most\)\.$/;
const local = mkdtempSync(join(tmpdir(), "gatehouse-cli-stack-"));
const children = new Set<ChildProcess>();
let stack: Stack;
let upstream: Upstream;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  upstream = await startUpstream();
  // A known port: the command line is to find the stack by its lock, as it does for a person.
  stack = await startStack({ local, port: await freePort(), callersEnvironment: {} });
}, 60_000);

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

afterAll(async () => {
  await stack.stop();
  await upstream.close();
  rmSync(local, { recursive: true, force: true });
});

function start(script: string, typed: readonly string[], environment: Record<string, string> = {}) {
  const { GATEHOUSE_URL: _url, GATEHOUSE_ADMIN_KEY: _key, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(REPOSITORY, "scripts", script), ...typed], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...inherited, GATEHOUSE_LOCAL: local, ...environment },
  });
  children.add(child);
  return child;
}

async function run(script: string, typed: readonly string[], environment?: Record<string, string>) {
  const child = start(script, typed, environment);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code: code as number, out: out.trimEnd(), err: err.trimEnd() };
}

/** `gatehouse …`, without the launcher but for one test; must succeed. */
async function gatehouse(...typed: string[]): Promise<string> {
  const { code, out, err } = await run("cli.ts", typed);
  expect([code, err], typed.join(" ")).toEqual([0, ""]);
  return out;
}

const lastLine = (out: string): string => out.split("\n").at(-1) ?? "";
const secretIn = (out: string): string => out.match(secretAnywhere)?.[0] ?? "no secret";
const idIn = (out: string): string => /\b(?:key|rte)_[0-9A-Za-z]{22}\b/.exec(out)?.[0] ?? "no id";
const unique = (word: string): string => `${word}-${randomBytes(4).toString("hex")}`;

async function call(path: string, key: string): Promise<number> {
  const response = await fetch(`${stack.issuer}/gateway${path}`, { headers: { "x-api-key": key } });
  await response.text();
  return response.status;
}

async function givenRoute(): Promise<{ name: string; path: string }> {
  const name = unique("route");
  const typed = ["--path", `/${name}`, "--upstream", upstream.url, "--credential", "api-key"];
  await gatehouse("routes", "create", "--name", name, ...typed);
  return { name, path: `/${name}` };
}

test("a key lives by the command line: made, used, stopped, rotated, revoked, deleted", async () => {
  const owner = `user:${unique("owner")}`;
  const { path } = await givenRoute();
  const made = await gatehouse("keys", "create", "--name", "First key", "--owner", owner, "--scope", "a");
  const [key, id] = [secretIn(made), idIn(made)];
  expect(made.match(secretAnywhere)).toHaveLength(1);
  expect(await gatehouse("keys", "show", id)).not.toMatch(secretAnywhere);
  expect(await call(path, key)).toBe(200);

  expect(lastLine(await gatehouse("keys", "disable", id))).toMatch(felt);
  expect(await call(path, key)).toBe(403);
  await gatehouse("keys", "enable", id);
  await gatehouse("keys", "update", id, "--name", "Renamed", "--limit", "per-minute=3/60s");
  const rotated = await gatehouse("keys", "rotate", id, "--overlap", "1h");
  const [newKey, newId] = [secretIn(rotated), idIn(rotated)];
  expect([newId === id, newKey === key]).toEqual([false, false]);
  expect([await call(path, key), await call(path, newKey)]).toEqual([200, 200]);
  const list = await gatehouse("keys", "list", "--owner", owner, "--json");
  const { data } = JSON.parse(list) as { data: { id: string; name: string; status: string }[] };
  expect(data.map((one) => [one.id, one.name, one.status])).toEqual([
    [newId, "Renamed", "active"],
    [id, "Renamed", "replaced"],
  ]);

  expect(lastLine(await gatehouse("keys", "revoke", id))).toMatch(felt);
  expect([await call(path, key), await call(path, newKey)]).toEqual([403, 200]);
  expect(lastLine(await gatehouse("keys", "delete", newId))).toMatch(felt);
  expect(await call(path, newKey)).toBe(403);
  const again = await run("cli.ts", ["keys", "rotate", newId]);
  expect([again.code, again.out]).toEqual([1, ""]);
  expect(again.err).toMatch(/^Refused: the key is deleted \(409, conflict, request req_\w+\)\.$/);
}, 60_000);

test("every key of an owner ends with one command, whatever the owner's id holds", async () => {
  const owner = `organization:${unique("a/b?c#d%41")}`;
  const { path } = await givenRoute();
  const keys = [
    secretIn(await gatehouse("keys", "create", "--name", "1", "--owner", owner)),
    secretIn(await gatehouse("keys", "create", "--name", "2", "--owner", owner, "--environment", "test")),
  ];
  for (const key of keys) expect(await call(path, key)).toBe(200);
  const told = await gatehouse("keys", "revoke-owner", owner);
  expect(told).toContain(`${owner}: 2 revoked`);
  expect(lastLine(told)).toMatch(felt);
  for (const key of keys) expect(await call(path, key)).toBe(403);
}, 60_000);

test("a route lives by the command line: made, called, moved, closed, opened, deleted", async () => {
  const { name, path } = await givenRoute();
  const key = secretIn(
    await gatehouse("keys", "create", "--name", "k", "--owner", "user:u1", "--scope", "a"),
  );
  expect(await call(`${path}/x`, key)).toBe(200);
  expect(upstream.last()?.path).toBe("/x");

  const moved = await gatehouse(
    "routes",
    "update",
    name,
    "--path",
    `${path}/2`,
    "--keep-path",
    "--scope",
    "a",
  );
  expect(lastLine(moved)).toMatch(felt);
  expect([await call(`${path}/x`, key), await call(`${path}/2/x`, key)]).toEqual([404, 200]);
  expect(upstream.last()?.path).toBe(`${path}/2/x`);
  await gatehouse("routes", "update", name, "--scope", "b", "--cut-path");
  expect(await call(`${path}/2/x`, key)).toBe(403);
  await gatehouse("routes", "update", name, "--no-scopes");
  await gatehouse("routes", "disable", name);
  expect(await call(`${path}/2/x`, key)).toBe(404);
  await gatehouse("routes", "enable", name);
  expect(await call(`${path}/2/x`, key)).toBe(200);
  expect(await gatehouse("routes", "list")).toContain(`${stack.issuer}/gateway${path}/2`);
  expect(lastLine(await gatehouse("routes", "delete", name))).toMatch(felt);
  expect(await call(`${path}/2/x`, key)).toBe(404);
  const absent = await run("cli.ts", ["routes", "show", name]);
  expect([absent.code, absent.err]).toEqual([1, `No route has the name "${name}".`]);
}, 60_000);

test("the demo account signs in at once, is seen by the command line, and is signed out, stopped and let in by it", async () => {
  const { email, password } = stack.demo ?? { email: "none", password: "" };
  const post = async (verb: string, body: unknown) => {
    const init = {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    };
    const answer = await fetch(`${stack.issuer}/auth${verb}`, init);
    return { status: answer.status, json: (await answer.json()) as Record<string, string> };
  };
  const signIn = () => post("/login", { email, password, refresh_in_body: true });
  const first = await signIn();
  expect(first.status).toBe(200);
  const { session_id: sessionId = "", access_token: accessToken = "" } = first.json;
  const { path, name } = await givenRoute();
  await gatehouse("routes", "update", name, "--credential", "access-token", "--scope", "orders.read");
  const passes = async () =>
    (await fetch(`${stack.issuer}/gateway${path}`, { headers: { authorization: `Bearer ${accessToken}` } }))
      .status;
  expect(await passes()).toBe(200);

  await gatehouse("routes", "update", name, "--audience", "https://elsewhere.example");
  expect(await passes()).toBe(401);
  await gatehouse("routes", "update", name, "--no-audiences");
  expect(await passes()).toBe(200);

  expect(await gatehouse("users", "list", "--email", email)).toContain("active");
  expect(await gatehouse("users", "show", email)).not.toMatch(/hash|argon2/);
  expect(await gatehouse("sessions", "list", email)).toContain(sessionId);
  expect(await gatehouse("users", "factors", email)).toBe("No second factors.");
  expect(await gatehouse("users", "reset-factors", email)).toBe(`${email} had no second factor.`);
  const file = join(local, "token");
  writeFileSync(file, `${accessToken}\n`);
  expect(lastLine(await gatehouse("tokens", "revoke", "--token-from", file))).toMatch(felt);
  expect(await passes()).toBe(401);
  expect((await post("/refresh", { refresh_token: first.json["refresh_token"] })).status).toBe(200);
  expect(lastLine(await gatehouse("sessions", "end", sessionId, "--user", email))).toMatch(felt);
  expect(await gatehouse("sessions", "list", email)).not.toContain(sessionId);

  await gatehouse("users", "disable", email);
  expect((await signIn()).json["error"]).toBe("account_disabled");
  await gatehouse("users", "enable", email);
  const again = await signIn();
  expect(again.status).toBe(200);
  expect(lastLine(await gatehouse("users", "logout", email))).toMatch(felt);
  expect((await post("/refresh", { refresh_token: again.json["refresh_token"] })).status).toBe(401);
}, 90_000);

test("a person is made and deleted by the command line, the password from standard input alone", async () => {
  const email = `${unique("person")}@example.com`;
  const child = start("cli.ts", [
    "users",
    "create",
    "--email",
    email,
    "--scope",
    "a",
    "--password-from",
    "-",
  ]);
  child.stdin?.end("seven green kettles sing\n");
  const [out] = await Promise.all([text(child.stdout as Readable), once(child, "close")]);
  expect(out).toContain(email);
  expect(out).not.toContain("kettles");
  expect(await gatehouse("users", "update", email, "--no-scopes")).toMatch(/scopes +none/);
  expect(lastLine(await gatehouse("users", "delete", email))).toMatch(felt);
  const gone = await run("cli.ts", ["users", "show", email]);
  expect([gone.code, gone.err]).toEqual([1, `Nobody has the address "${email}".`]);
}, 60_000);

test("signing keys are listed and a compromised one is killed by the command line: the key set drops it", async () => {
  const keySet = async () => (await fetch(`${stack.issuer}/.well-known/jwks.json`)).text();
  await keySet();
  const listed = JSON.parse(await gatehouse("signing-keys", "list", "--json")) as {
    data: { kid: string; state: string; purpose: string }[];
  };
  const active = listed.data.find(({ state, purpose }) => state === "active" && purpose === "identity");
  const kid = active?.kid ?? "no kid";
  expect(await keySet()).toContain(kid);
  const told = await gatehouse("signing-keys", "rotate", `--compromised=${kid}`);
  expect(told).toContain(`${kid} is killed since `);
  expect(lastLine(told)).toMatch(felt);
  expect(await keySet()).not.toContain(kid);
  expect(await gatehouse("signing-keys", "list")).toMatch(new RegExp(`${kid} .* killed `));
  const again = await run("cli.ts", ["signing-keys", "rotate", `--compromised=${kid}`]);
  expect([again.code, again.out]).toEqual([1, ""]);
  expect(again.err).toMatch(/^Refused: the key was killed at [^\n]+ \(409, conflict, request req_\w+\)\.$/);
}, 60_000);

test("keys made elsewhere are imported from a file, and open doors", async () => {
  const key = `legacy_${randomBytes(24).toString("hex")}`;
  const { path } = await givenRoute();
  const file = join(local, "keys.json");
  const sha256 = createHash("sha256").update(key).digest("hex");
  const entry = { name: "old", owner: { type: "user", id: unique("u") }, sha256, prefix: "legacy_" };
  writeFileSync(file, JSON.stringify([entry]));
  expect(lastLine(await gatehouse("keys", "import", file))).toBe("1 imported.");
  expect(await call(path, key)).toBe(200);
  const twice = await run("cli.ts", ["keys", "import", file]);
  expect(twice.code).toBe(1);
  expect(twice.err).toContain("none was imported (409, conflict, request req_");
}, 60_000);

test("audit is listed, and followed until Ctrl-C", async () => {
  // From a minute ago: the key may be there before the follower has started.
  const flags = ["--follow", "--from", "1m", "--type", "key.created"];
  const following = start("gatehouse.mjs", ["audit", "list", ...flags]);
  // Listening from now on: a line that comes before somebody iterates would be lost.
  const lines = createInterface({ input: following.stdout as Readable })[Symbol.asyncIterator]();
  const ended = once(following, "exit");
  const id = idIn(await gatehouse("keys", "create", "--name", "seen", "--owner", "user:u1"));
  for await (const line of lines) {
    expect(line).toContain("key.created  done");
    if (line.includes(id)) break;
  }
  following.kill("SIGINT");
  expect((await ended)[0]).toBe(0);
  const listed = await gatehouse("audit", "list", "--subject", id, "--from", "5m", "--json");
  const { data } = JSON.parse(listed) as { data: { type: string; subject: unknown }[] };
  expect(data.map(({ type, subject }) => [type, subject])).toEqual([["key.created", { type: "key", id }]]);
}, 60_000);

test("bootstrap makes a key that opens the management API, and no second one when it is given that", async () => {
  const secrets = JSON.parse(readFileSync(join(local, "secrets.json"), "utf8")) as Record<string, string>;
  const environment = {
    ISSUER: stack.issuer,
    DATABASE_URL: stack.databaseUrl,
    UPSTASH_REDIS_REST_URL: stack.redis.url,
    UPSTASH_REDIS_REST_TOKEN: stack.redis.token,
    KEY_ENCRYPTION_KEYS: secrets["keyEncryptionKeys"] ?? "",
    API_KEY_TAG_SECRETS: secrets["apiKeyTagSecrets"] ?? "",
  };
  const made = await run("gatehouse.mjs", ["bootstrap"], environment);
  expect([made.code, made.err]).toEqual([0, ""]);
  expect(made.out).toContain("it will not be shown again");
  const adminKey = secretIn(made.out);
  const connection = { GATEHOUSE_URL: stack.issuer, GATEHOUSE_ADMIN_KEY: adminKey };
  expect((await run("cli.ts", ["keys", "list", "--limit", "1"], connection)).code).toBe(0);
  const again = await run("cli.ts", ["bootstrap"], { ...environment, GATEHOUSE_ADMIN_KEY: adminKey });
  expect([again.code, again.out]).toEqual([
    0,
    "The key in GATEHOUSE_ADMIN_KEY opens the management API already: no other was made.",
  ]);
  const away = { ...environment, DATABASE_URL: `postgresql://u:secret@127.0.0.1:${await freePort()}/x` };
  const failed = await run("cli.ts", ["bootstrap"], away);
  expect([failed.code, failed.out]).toEqual([1, ""]);
  expect(failed.err).toBe("The database of DATABASE_URL cannot be reached.");
}, 60_000);

test("the demo holds to the end, shows no secret whole and leaves nothing behind", async () => {
  const { code, out, err } = await run("demo.ts", []);
  expect([code, err], out).toEqual([0, ""]);
  expect(lastLine(out)).toMatch(/^\d+ steps, all held$/);
  expect(out).not.toMatch(/gk_(?:live|test)_[0-9A-Za-z]{5}|legacy_[0-9a-f]{8}/);
  expect(out).not.toMatch(/gr_[0-9A-Za-z]{12}|eyJ[\w-]{12}|"(?:password|link)":"[0-9A-Za-z]{12}/);
  expect(out).not.toMatch(
    /"secret":"[A-Z2-7]{12}|gm_1\.[\w-]{8}|[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}"/,
  );
  expect(out).toContain("the identical refresh token");
  expect(out).toContain('acr_values="two-factor"');
  expect(out.match(/refused at the gateway after \d+ ms, \d+ calls passed/g)?.length).toBeGreaterThan(5);
  expect(out).toMatch(/\d+ calls through the whole rotation \([^)]+\), 0 failed/);
  const run_ = /demo-[0-9a-f]{6}-/.exec(out)?.[0] ?? "no run";
  expect(await gatehouse("routes", "list")).not.toContain(run_);
  expect(await gatehouse("users", "list")).not.toContain(run_);
  const list = await gatehouse("keys", "list", "--limit", "200", "--json");
  const { data } = JSON.parse(list) as { data: { name: string; status: string }[] };
  const made = data.filter(({ name }) => name.startsWith(run_));
  expect(made.length).toBeGreaterThan(10);
  expect(made.filter(({ status }) => status !== "revoked")).toEqual([]);
}, 60_000);

test("the demo without a stack is one sentence", async () => {
  const { code, out, err } = await run("demo.ts", [], { GATEHOUSE_LOCAL: join(local, "nowhere") });
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(/^No Gatehouse is running on this machine: start one with npm start[^\n]*\.$/);
});
