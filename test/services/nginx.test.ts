import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function freePort(): Promise<number> {
  const probe = createSocketServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

const configuration = (port: number, gatehouse: string, upstreamPort: number, at: string) => `
worker_processes 1; daemon off; pid ${at}/nginx.pid; error_log ${at}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${at}/body; proxy_temp_path ${at}/proxy; fastcgi_temp_path ${at}/f; uwsgi_temp_path ${at}/u; scgi_temp_path ${at}/s;
  server {
    listen 127.0.0.1:${port};
    location = /_gatehouse {
      internal;
      proxy_pass ${gatehouse}/v1/authenticate?scopes=orders.read;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Original-URI $request_uri;
    }
    location / {
      auth_request /_gatehouse;
      auth_request_set $gatehouse_status $upstream_status;
      auth_request_set $gatehouse_retry_after $upstream_http_retry_after;
      auth_request_set $gatehouse_user $upstream_http_x_user_id;
      auth_request_set $gatehouse_scopes $upstream_http_x_user_scopes;
      auth_request_set $gatehouse_identity $upstream_http_x_gatehouse_identity;
      error_page 500 = @gatehouse_refused;
      proxy_set_header X-User-Id $gatehouse_user;
      proxy_set_header X-User-Scopes $gatehouse_scopes;
      proxy_set_header X-Gatehouse-Identity $gatehouse_identity;
      proxy_set_header X-API-Key "";
      proxy_set_header Authorization "";
      proxy_pass http://127.0.0.1:${upstreamPort};
    }
    location @gatehouse_refused {
      internal;
      add_header Retry-After $gatehouse_retry_after always;
      if ($gatehouse_status = 429) { return 429; }
      if ($gatehouse_status = 400) { return 400; }
      return 503;
    }
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
  stack = await startStack({ port: 0, local: join(directory, "local"), fresh: true });
  const port = await freePort();
  door = `http://127.0.0.1:${port}`;
  const gatehouse = `http://127.0.0.1:${new URL(stack.issuer).port}`;
  await writeFile(join(directory, "nginx.conf"), configuration(port, gatehouse, portOf(upstream), directory));
  nginx = spawn(nginxPath, ["-p", directory, "-c", join(directory, "nginx.conf")], { stdio: "inherit" });
  await waitUntilListening();
});

afterAll(async () => {
  nginx?.kill("SIGTERM");
  upstream?.close();
  await stack?.stop();
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

test("nginx keeps 401 for no key, 403 for a bad one and for a missing scope", async () => {
  expect((await call(null)).status).toBe(401);
  expect((await call("gk_live_nonsense")).status).toBe(403);
  const { key } = await makeKey({ scopes: ["other"] });
  expect((await call(key)).status).toBe(403);
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
