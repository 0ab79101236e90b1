import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stack, startStack } from "../../scripts/stack/stack.ts";

/** A real nginx that asks `/v1/authenticate` before it passes a call on, with the configuration README gives. */
const nginxPath = process.env["NGINX"] ?? "/usr/sbin/nginx";

type Key = { id: string; key: string };
let directory: string;
let stack: Stack;
let nginx: ChildProcess;
let upstream: Server;
let door: string;
let database: Awaited<ReturnType<typeof ownDatabase>>;

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function freePort(): Promise<number> {
  const probe = createSocketServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** README's own block, led to this Gatehouse and this upstream. */
async function serverOfReadme(gatehouse: string, upstreamPort: number): Promise<string> {
  const [, block] = /```nginx\n([\s\S]*?)```/.exec(await readFile("README.md", "utf8")) ?? [];
  if (!block) throw new Error("README has no nginx block");
  const led = block
    .replace("https://auth.example.com", gatehouse)
    .replace("http://orders", `http://127.0.0.1:${upstreamPort}`);
  expect(led).not.toMatch(/example\.com|\/\/orders/);
  return led;
}

const configuration = (port: number, server: string, at: string) => `
worker_processes 1; daemon off; pid ${at}/nginx.pid; error_log ${at}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${at}/body; proxy_temp_path ${at}/proxy; fastcgi_temp_path ${at}/f; uwsgi_temp_path ${at}/u; scgi_temp_path ${at}/s;
  server {
    listen 127.0.0.1:${port};
${server}
  }
}`;

async function admin(path: string, body: unknown = {}): Promise<Key> {
  const response = await fetch(`${stack.issuer}/admin/v1${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as Key;
}

const makeKey = (more: object = {}): Promise<Key> =>
  admin("/keys", {
    name: "nginx",
    owner: { type: "user", id: "u1" },
    environment: "live",
    scopes: ["orders.read"],
    ...more,
  });

const call = (key: string | null, path = "/orders?x=1"): Promise<Response> =>
  fetch(door + path, { headers: { "x-user-id": "forged", ...(key === null ? {} : { "x-api-key": key }) } });

/** A database of this run's own: keys that another stack sealed in a shared one could not be opened here. */
async function ownDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const server = process.env["DATABASE_URL"] ?? "";
  const name = `gatehouse_nginx_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const run = async (statement: string) => {
    const client = new Client({ connectionString: server });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await run(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(`drop database ${name}`) };
}

async function waitUntilListening(): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (
      await fetch(door).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("nginx did not start");
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatehouse-nginx-"));
  upstream = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  database = await ownDatabase();
  stack = await startStack({
    port: 0,
    local: join(directory, "local"),
    fresh: true,
    callersEnvironment: {
      ...process.env,
      DATABASE_URL: database.url,
      LEVEL_POLICY: "client:first-party=two-factor",
    },
  });
  const port = await freePort();
  door = `http://127.0.0.1:${port}`;
  const gatehouse = `http://127.0.0.1:${new URL(stack.issuer).port}`;
  const server = await serverOfReadme(gatehouse, portOf(upstream));
  await writeFile(join(directory, "nginx.conf"), configuration(port, server, directory));
  nginx = spawn(nginxPath, ["-p", directory, "-c", join(directory, "nginx.conf")], { stdio: "inherit" });
  await waitUntilListening();
});

afterAll(async () => {
  nginx?.kill("SIGTERM");
  upstream?.close();
  await stack?.stop();
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
});

test("nginx passes a call with a good key on, with the identity Gatehouse gave and without the credential", async () => {
  const { key } = await makeKey();
  const response = await call(key);
  expect(response.status).toBe(200);
  const seen = (await response.json()) as { url: string; headers: Record<string, string> };
  expect(seen.url).toBe("/orders?x=1");
  expect(seen.headers["x-user-id"]).toBe("u1");
  expect(seen.headers["x-user-scopes"]).toBe("orders.read");
  expect(seen.headers["x-gatehouse-identity"]).toMatch(/^ey/);
  expect(JSON.stringify(seen)).not.toContain(key);
});

test("whatever a caller says of himself, under each name or a look-alike, the upstream hears Gatehouse or nothing", async () => {
  const { id, key } = await makeKey({ scopes: ["orders.read"] });
  const names =
    "user-id user-scopes client-id session-id auth-method auth-level request-id gatehouse-identity";
  const forged: [string, string][] = names.split(" ").flatMap((name) => [
    [`x-${name}`, "forged"],
    [`x_${name.replaceAll("-", "_")}`, "forged"],
    [`X-${name.toUpperCase()}.`, "forged"],
  ]);
  const response = await fetch(`${door}/orders`, { headers: [...forged, ["x-api-key", key]] });
  expect(response.status).toBe(200);
  const { headers } = (await response.json()) as { headers: Record<string, string> };
  expect(JSON.stringify(headers)).not.toContain("forged");
  expect(headers).toMatchObject({ "x-user-id": "u1", "x-client-id": id, "x-auth-method": "api-key" });
  expect(headers["x-request-id"]).toMatch(/^req_/);
  for (const absent of ["x-session-id", "x-auth-level"]) expect(headers).not.toHaveProperty(absent);
});

test("nginx passes 400 on: two credentials, one in the URL, and a path that can be read in two ways", async () => {
  const { key } = await makeKey();
  const two = await fetch(door, { headers: { "x-api-key": key, authorization: "Bearer x" } });
  expect(two.status).toBe(400);
  expect((await call(key, "/orders?token=x")).status).toBe(400);
  expect((await call(key, "/orders//admin")).status).toBe(400);
});

test("nginx keeps 401 for no key, 403 for a bad one and for a missing scope", async () => {
  expect((await call(null)).status).toBe(401);
  expect((await call("gk_live_nonsense")).status).toBe(403);
  const { key } = await makeKey({ scopes: ["other"] });
  expect((await call(key)).status).toBe(403);
});

test("nginx hands on what a token lacks (RFC 9470 §3), so that its client can ask the person to step up", async () => {
  const [email, password] = [`${crypto.randomUUID()}@example.com`, "seven green kettles whistle"];
  await admin("/users", { email, password, scopes: ["orders.read"] });
  const signedIn = await fetch(`${stack.issuer}/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password, refresh_in_body: true }),
  });
  const { access_token } = (await signedIn.json()) as { access_token: string };
  const refused = await fetch(`${door}/orders`, { headers: { authorization: `Bearer ${access_token}` } });
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toBe(
    'Bearer realm="gatehouse", error="insufficient_user_authentication", ' +
      'error_description="This needs a stronger authentication", acr_values="two-factor"',
  );
});

test("nginx passes 429 with Retry-After on, through the status it was given", async () => {
  const { key } = await makeKey({ limits: [{ name: "once", limit: 1, window_seconds: 60 }] });
  expect((await call(key)).status).toBe(200);
  const limited = await call(key);
  expect(limited.status).toBe(429);
  expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("nginx refuses a key once it is revoked", async () => {
  const { id, key } = await makeKey();
  expect((await call(key)).status).toBe(200);
  await admin(`/keys/${id}/revoke`);
  expect((await call(key)).status).toBe(403);
});

test("nginx answers a server error, and not a refusal, when Gatehouse cannot decide", async () => {
  const { key } = await makeKey();
  const url = new URL(stack.databaseUrl);
  await fetch(`http://127.0.0.1:${url.port}/_faults/default`, { method: "PUT", body: '[{"kind":"refuse"}]' });
  const undecided = await call(key);
  await fetch(`http://127.0.0.1:${url.port}/_faults/default`, { method: "DELETE" });
  expect(undecided.status).toBe(503);
  expect((await call(key)).status).toBe(200);
});
