import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { TestProject } from "vitest/node";
import { bundleWorker, type WorkerBundle } from "../../scripts/stack/bundle.ts";
import { startMailbox } from "../../scripts/twins/mailbox.ts";
import { startNeonTwin } from "../../scripts/twins/neon.ts";
import { startUpstashTwin } from "../../scripts/twins/upstash.ts";
import { startUpstream } from "./upstream.ts";

/** What tests inside workerd need to know of the servers beside them. */
export type Stores = {
  readonly environment: Record<string, string>;
  readonly neonPort: number;
  readonly upstashPort: number;
  readonly upstashToken: string;
  /** A Redis of its own for tests in which Redis loses its memory: it would take other tests' counts and feed along. */
  readonly forgetfulRedis: { readonly url: string; readonly port: number };
  /** A real upstream, whose behaviour its paths choose. */
  readonly upstream: string;
  /** What is sent by mail is kept here; `MAIL_API_URL` leads to it. */
  readonly mailbox: string;
  /** Gatehouse as it is deployed, and a Worker that binds to it: modules on disk. */
  readonly workers: { readonly gatehouse: WorkerBundle; readonly orders: WorkerBundle };
};

/** Test vectors of the Wycheproof project, as their files hold them; null where the folder is not there. */
export type Wycheproof = { readonly signature: string; readonly key: string };

declare module "vitest" {
  interface ProvidedContext {
    stores: Stores;
    wycheproof: Wycheproof | null;
  }
}

const secret = (version: number, fill: number): string =>
  `${version}:${Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 7 + fill) % 256)).toString("base64url")}`;

/** Runs in Node, once for all files. `DATABASE_URL` and `REDIS_URL` put real servers behind the same twins. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env;
  const token = "test-token-0123456789abcdef";
  const schema = databaseUrl ? await createSchema(databaseUrl) : null;
  const neon = await startNeonTwin(schema ? { databaseUrl: schema.url } : {});
  const upstash = await startUpstashTwin({ token, ...(redisUrl ? { redisUrl } : {}) });
  const forgetful = await startUpstashTwin({
    token,
    ...(redisUrl ? { redisUrl: nextDatabase(redisUrl) } : {}),
  });
  const upstream = await startUpstream();
  const mailbox = await startMailbox();
  await migrate(neon.query);
  const bundles = await mkdtemp(join(tmpdir(), "gatehouse-workers-"));
  const workers = {
    gatehouse: await bundleWorker("src/index.ts", join(bundles, "gatehouse")),
    orders: await bundleWorker("test/rpc/orders.worker.ts", join(bundles, "orders")),
  };
  project.provide("wycheproof", await readWycheproof());
  project.provide("stores", {
    environment: {
      ISSUER: "https://auth.gatehouse.test",
      DATABASE_URL: neon.url,
      UPSTASH_REDIS_REST_URL: upstash.url,
      UPSTASH_REDIS_REST_TOKEN: token,
      KEY_ENCRYPTION_KEYS: secret(1, 11),
      API_KEY_TAG_SECRETS: secret(1, 101),
      REVOCATION_BOUND_SECONDS: "10",
      IMPORTED_KEY_PREFIXES: "legacy_",
      MAIL_API_URL: mailbox.url,
      MAIL_API_KEY: "test-mail-key",
    },
    neonPort: neon.port,
    upstashPort: upstash.port,
    upstashToken: token,
    forgetfulRedis: { url: forgetful.url, port: forgetful.port },
    upstream: upstream.url,
    mailbox: mailbox.url,
    workers,
  });
  return async () => {
    await Promise.all([neon.close(), upstash.close(), forgetful.close(), upstream.close(), mailbox.close()]);
    await Promise.all([schema?.drop(), rm(bundles, { recursive: true })]);
  };
}

/** The vectors lie beside the repository and stay there; `WYCHEPROOF` names another place. */
async function readWycheproof(): Promise<Wycheproof | null> {
  const folder = process.env["WYCHEPROOF"] ?? "../shared/data/wycheproof";
  const read = (name: string) => readFile(`${folder}/json_web_${name}_test.json`, "utf8");
  try {
    return { signature: await read("signature"), key: await read("key") };
  } catch {
    return null;
  }
}

/** The database after the one that is named, of the same server. */
function nextDatabase(redisUrl: string): string {
  const url = new URL(redisUrl);
  url.pathname = `/${Number(url.pathname.slice(1) || 0) + 1}`;
  return url.href;
}

/** A schema of this run's own in a real database: nothing that is there already is touched. */
export async function createSchema(databaseUrl: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `gatehouse_test_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const run = async (statement: string) => {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await run(`create schema ${name}`);
  const url = new URL(databaseUrl);
  url.searchParams.set("options", `-c search_path=${name}`);
  return { url: url.href, drop: () => run(`drop schema ${name} cascade`) };
}

export async function migrate(query: (sql: string) => Promise<unknown>): Promise<void> {
  const files = (await readdir("migrations")).filter((name) => name.endsWith(".sql")).sort();
  for (const file of files) {
    const text = await readFile(`migrations/${file}`, "utf8");
    for (const statement of text.split("--> statement-breakpoint")) await query(statement);
  }
}
