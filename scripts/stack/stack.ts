import { join } from "node:path";
import { isLoopback } from "../../src/http/door-checks.ts";
import { migrate } from "../migrate.ts";
import { startEdge } from "../twins/edge.ts";
import { startMailbox } from "../twins/mailbox.ts";
import { startNeonTwin } from "../twins/neon.ts";
import { startUpstashTwin } from "../twins/upstash.ts";
import { bundleWorker, readCompatibility, type WorkerBundle } from "./bundle.ts";
import { type WorkerEnvironment, workerEnvironment } from "./environment.ts";
import {
  brokenData,
  type LocalData,
  lockLocalData,
  openLocalData,
  REPOSITORY,
  requireSoundDatabase,
  wipeLocalData,
} from "./local-data.ts";
import { reasonOf, refusal } from "./refusal.ts";
import { type DemoAccount, type LocalSecrets, loadSecrets, newDemoAccount, saveSecrets } from "./secrets.ts";
import { firstError, type RunningWorker, runWorker } from "./workerd.ts";

/**
 * Makes the first admin key, or gives `existing` back when the database still knows it; and the demo account. Null: none
 * was asked for, or its address belongs to somebody with another password.
 */
export type FirstKeys = (given: {
  environment: WorkerEnvironment;
  existing?: string;
  demo?: DemoAccount;
}) => Promise<{ adminKey: string; demo: DemoAccount | null }>;

export type StackOptions = {
  /** 8787 unless given; 0 takes any free port. */
  port?: number;
  /** Wipes the local data first. */
  fresh?: boolean;
  /** Where data is kept; GATEHOUSE_LOCAL or `.local` unless given. */
  local?: string;
  /** DATABASE_URL, REDIS_URL and the Worker's variables are read from it; the process's own unless given. */
  callersEnvironment?: Readonly<Record<string, string | undefined>>;
  /** Told of each step, and of each error the Worker logs. */
  report?(line: string): void;
  /** Ends a start that is under way. */
  signal?: AbortSignal;
  /** A stub may stand in for the Worker, its migrations and its first keys. */
  worker?: { entry: string; migrations?: string; firstKeys?: FirstKeys };
};

export type Stack = {
  issuer: string;
  adminKey: string;
  demo: DemoAccount | null;
  mailbox: string;
  databaseUrl: string;
  redis: { url: string; token: string };
  log: string;
  /** Settles when the Worker has gone without being asked to. */
  died: Promise<string>;
  /** Runs the cron trigger at once, as it runs by itself each minute. */
  runScheduled(): Promise<void>;
  stop(): Promise<void>;
};

type Started = { data: LocalData; closing: AsyncDisposableStack; options: StackOptions };

const READY_MS = 20_000;
const CRON_MS = 60_000;

/** The whole of Gatehouse on this machine: twins, database, Worker, edge. Rejects with one sentence. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  await using closing = new AsyncDisposableStack();
  const data = openLocalData(options.local);
  const port = options.port ?? 8787;
  const lock = lockLocalData(data, port);
  closing.defer(lock.release);
  if (options.fresh) wipeLocalData(data);
  const started: Started = { data, closing, options };
  let worker: RunningWorker | undefined;
  const edge = await startEdge({ port, upstreamPort: () => worker?.port }).catch((error: unknown) => {
    throw busyPort(error, port);
  });
  closing.defer(() => edge.close());
  const listensOn = Number(new URL(edge.url).port);
  lock.tell({ port: listensOn });
  const bundle = bundleWorker(options.worker?.entry ?? join(REPOSITORY, "src/index.ts"), data.build);
  // Its failure is met where it is awaited; until then it must not count as unhandled.
  bundle.catch(() => undefined);
  const { secrets, database, redis, mailbox } = await startTwins(started);
  lock.tell({ port: listensOn, mailbox: mailbox.url });
  const environment = workerEnvironment(
    {
      issuer: edge.url,
      databaseUrl: database.url,
      redis: { url: redis.url, token: redis.token },
      mailbox: mailbox.url,
    },
    secrets,
    options.callersEnvironment ?? process.env,
  );
  options.signal?.throwIfAborted();
  const running = startWorker(started, await bundle, environment);
  const [runningWorker, { adminKey, demo }] = await Promise.all([
    running,
    makeFirstKeys(started, secrets, environment),
  ]);
  worker = runningWorker;
  await waitUntilAlive(edge.url, runningWorker, data.log);
  options.signal?.throwIfAborted();
  return {
    issuer: environment["ISSUER"] ?? edge.url,
    adminKey,
    demo,
    mailbox: mailbox.url,
    databaseUrl: database.url,
    redis: { url: redis.url, token: redis.token },
    log: data.log,
    ...untilStopped(closing.move(), runningWorker, options.report ?? (() => undefined)),
  };
}

async function startTwins({ data, closing, options }: Started) {
  const callers = options.callersEnvironment ?? process.env;
  const databaseUrl = callers["DATABASE_URL"];
  const redisUrl = callers["REDIS_URL"];
  if (!databaseUrl) requireSoundDatabase(data);
  const secrets = loadSecrets(data);
  options.report?.(databaseUrl ? "database: the server of DATABASE_URL" : `database: ${data.database}`);
  const database = await startNeonTwin(databaseUrl ? { databaseUrl } : { dataDir: data.database }).catch(
    (error: unknown) => {
      throw databaseUrl
        ? refusal(`The database of DATABASE_URL cannot be used: ${reasonOf(error)}.`, error)
        : brokenData(data, "the database in it does not start", error);
    },
  );
  closing.defer(() => database.close());
  const redis = await startUpstashTwin({ token: secrets.upstashToken, ...(redisUrl ? { redisUrl } : {}) });
  closing.defer(() => redis.close());
  const mailbox = await startMailbox({});
  closing.defer(() => mailbox.close());
  options.signal?.throwIfAborted();
  const directory = options.worker?.migrations;
  const { applied } = await migrate({
    ...(databaseUrl ? { databaseUrl } : { query: database.query }),
    ...(directory ? { directory } : {}),
  });
  if (applied.length > 0) options.report?.(`migrations: ${applied.join(", ")}`);
  return { secrets, database, redis, mailbox };
}

async function startWorker(
  { data, closing, options }: Started,
  bundle: WorkerBundle,
  environment: WorkerEnvironment,
) {
  const worker = await runWorker({
    bundle,
    configuration: join(data.build, "workerd.capnp"),
    compatibility: readCompatibility(),
    environment,
    log: data.log,
    onError: (line) => options.report?.(`worker: ${line}`),
  });
  closing.defer(() => worker.stop());
  return worker;
}

async function makeFirstKeys(
  { data, options }: Started,
  secrets: LocalSecrets,
  environment: WorkerEnvironment,
) {
  const firstKeys = options.worker?.firstKeys ?? (await loadFirstKeys());
  const existing = secrets.adminKey;
  const demo = isThisMachine(environment) ? (secrets.demo ?? newDemoAccount()) : undefined;
  const kept = demo ? { ...secrets, demo } : secrets;
  // Before the account is made: a password that nothing remembers would open nothing.
  if (demo !== secrets.demo) saveSecrets(data, kept);
  const made = await firstKeys({
    environment,
    ...(existing ? { existing } : {}),
    ...(demo ? { demo } : {}),
  });
  if (made.adminKey !== existing) saveSecrets(data, { ...kept, adminKey: made.adminKey });
  return made;
}

/** An issuer that others can reach is no place for an account that nobody registered. */
const isThisMachine = (environment: WorkerEnvironment): boolean => {
  const issuer = environment["ISSUER"] ?? "";
  return URL.canParse(issuer) && isLoopback(new URL(issuer).hostname);
};

/** Loaded when it is due: it brings the Worker's own rooms and drivers, which a stub does without. */
async function loadFirstKeys(): Promise<FirstKeys> {
  const module = (await import(new URL("./first-keys.ts", import.meta.url).href)) as { firstKeys: FirstKeys };
  return module.firstKeys;
}

async function waitUntilAlive(origin: string, worker: RunningWorker, log: string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let last = "it does not answer";
  let gone = false;
  void worker.exited.then(() => {
    gone = true;
  });
  while (Date.now() < deadline && !gone) {
    const response = await fetch(`${origin}/health/live`, { signal: AbortSignal.timeout(5_000) }).catch(
      () => null,
    );
    if (response?.ok) return;
    if (response) last = `/health/live answers ${response.status}: ${(await response.text()).slice(0, 300)}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw refusal(`The Worker is not ready, ${gone ? firstError(log) : last} (see ${log}).`);
}

/** The life of a running stack: the minute's cron, an end nobody asked for, and the orderly one. */
function untilStopped(closing: AsyncDisposableStack, worker: RunningWorker, report: (line: string) => void) {
  let stopping: Promise<void> | undefined;
  const cron = setInterval(() => {
    worker.tick().catch((error: unknown) => report(`cron: ${(error as Error).message}`));
  }, CRON_MS);
  return {
    runScheduled: () => worker.tick(),
    died: new Promise<string>((resolve) => {
      void worker.exited.then(() => {
        if (!stopping) resolve("The Worker has ended by itself.");
      });
    }),
    stop: () => {
      clearInterval(cron);
      stopping ??= closing.disposeAsync();
      return stopping;
    },
  };
}

function busyPort(error: unknown, port: number): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") return refusal(`Port ${port} is in use: choose another with --port.`, error);
  if (code === "EACCES")
    return refusal(`Port ${port} is not ours to open: choose another with --port.`, error);
  return error;
}
