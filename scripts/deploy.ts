import { spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { parseArgs, stripVTControlCharacters } from "node:util";
import { gzipSync } from "node:zlib";
import { unstable_readConfig as readConfig } from "wrangler";
import { judgeMail, judgePeppers, neverInPlainText, requiredSecrets } from "./deploy/settings.ts";
import { migrate } from "./migrate.ts";
import { openLocalData, REPOSITORY } from "./stack/local-data.ts";
import { describeFailure, isRefusal, refusal } from "./stack/refusal.ts";

const HELP = `Checks that a deployment would work, then deploys: npm run deploy -- [options]

  --dry-run      bundle and measure, check what can be checked here, deploy nothing
  --config FILE  a wrangler configuration of your own instead of wrangler.toml
  --help         this text

DATABASE_URL names the production database, so that its migrations can be checked.`;

const BUNDLE_GZIP_BYTES_MAX = 350 * 1024;
const TLS_MS = 5_000;

type Config = { vars: Record<string, unknown>; routes: { pattern: string; created: boolean }[] };
type Plan = { config: Config; configPath: string; dryRun: boolean };
/** A check says what it found, or throws the one sentence that tells what to do. */
type Check = { name: string; run(plan: Plan): Promise<string> };

const CHECKS: readonly Check[] = [
  { name: "bundle", run: checkBundle },
  { name: "issuer", run: checkIssuer },
  { name: "secrets", run: checkSecrets },
  { name: "mail", run: async (plan) => judgeMail(plan.config.vars, await secretsOf(plan)) },
  { name: "peppers", run: async (plan) => judgePeppers(await secretsOf(plan)) },
  { name: "migrations", run: checkMigrations },
  { name: "hostname", run: checkHostname },
];

async function checkBundle({ configPath }: Plan): Promise<string> {
  const directory = join(dirname(openLocalData().build), "deploy");
  rmSync(directory, { recursive: true, force: true });
  await runWrangler(["deploy", "--dry-run", "--outdir", directory, "--config", configPath]);
  const modules = readdirSync(directory).filter((name) => /\.(m?js|wasm)$/.test(name));
  const code = Buffer.concat(modules.map((name) => readFileSync(join(directory, name))));
  const zipped = gzipSync(code, { level: 9 }).length;
  const sizes = `${inKilobytes(code.length)} raw, ${inKilobytes(zipped)} gzipped`;
  if (zipped > BUNDLE_GZIP_BYTES_MAX) {
    throw refusal(
      `The bundle (${sizes}) is over ${inKilobytes(BUNDLE_GZIP_BYTES_MAX)} gzipped: find what grew it.`,
    );
  }
  return sizes;
}

async function checkIssuer({ config, configPath, dryRun }: Plan): Promise<string> {
  const exposed = neverInPlainText.find((name) => name in config.vars);
  if (exposed) {
    throw refusal(
      `${exposed} stands in plain text in ${configPath}: remove it and run wrangler secret put ${exposed}.`,
    );
  }
  const issuer = config.vars["ISSUER"];
  if (issuer === undefined && dryRun)
    return `not set yet: a deployment wants ISSUER in [vars] of ${configPath}`;
  const { hostname } = requireIssuer(config, configPath);
  const served = config.routes.some(
    ({ pattern }) => pattern.replace(/^\*\.?/, "").split("/")[0] === hostname,
  );
  if (!served)
    throw refusal(`No route of ${configPath} serves ${hostname}: add one for the issuer's hostname.`);
  return String(issuer);
}

function requireIssuer(config: Config, configPath: string): URL {
  const issuer = config.vars["ISSUER"];
  if (typeof issuer !== "string" || !URL.canParse(issuer) || new URL(issuer).protocol !== "https:") {
    throw refusal(`Set ISSUER to the public https URL in [vars] of ${configPath}.`);
  }
  const url = new URL(issuer);
  if (url.origin !== issuer) {
    throw refusal(
      `ISSUER in ${configPath} is an origin only: write ${url.origin}, with no path and no slash.`,
    );
  }
  return url;
}

let listedSecrets: ReadonlySet<string> | undefined;

/** The names that the Cloudflare account lists; null in a dry run, which asks nobody. */
async function secretsOf({ configPath, dryRun }: Plan): Promise<ReadonlySet<string> | null> {
  if (dryRun) return null;
  if (listedSecrets) return listedSecrets;
  const listed = await runWrangler(["secret", "list", "--format", "json", "--config", configPath]);
  listedSecrets = new Set((JSON.parse(listed) as { name: string }[]).map(({ name }) => name));
  return listedSecrets;
}

async function checkSecrets(plan: Plan): Promise<string> {
  const names = await secretsOf(plan);
  if (names === null) return "skipped: they are listed by the Cloudflare account";
  const missing = requiredSecrets.filter((name) => !names.has(name));
  if (missing.length > 0) {
    throw refusal(`Secrets are missing (${missing.join(", ")}): run wrangler secret put NAME for each.`);
  }
  return `all ${requiredSecrets.length} present`;
}

async function checkMigrations({ dryRun }: Plan): Promise<string> {
  const databaseUrl = process.env["DATABASE_URL"];
  if (!databaseUrl && dryRun) return "skipped: DATABASE_URL is not set";
  if (!databaseUrl) throw refusal("Set DATABASE_URL to the production database, to check its migrations.");
  const { pending } = await migrate({ databaseUrl, check: true });
  if (pending.length > 0) {
    throw refusal(
      `Migrations are pending (${pending.join(", ")}): run node scripts/migrate.ts with DATABASE_URL set.`,
    );
  }
  return "all applied";
}

async function checkHostname({ config, configPath, dryRun }: Plan): Promise<string> {
  if (config.vars["ISSUER"] === undefined && dryRun) return "skipped: there is no ISSUER yet";
  const { hostname, port } = requireIssuer(config, configPath);
  const created = config.routes.some((route) => route.created && route.pattern === hostname);
  // A custom domain and its certificate are made by the first deployment itself.
  if (created && !(await isKnown(hostname))) return `${hostname} is made by this deployment`;
  try {
    await shakeHands(hostname, Number(port || 443));
  } catch (error) {
    throw refusal(
      `${hostname} does not answer with TLS (${(error as Error).message}): mend its DNS or certificate.`,
    );
  }
  return `${hostname} answers with a valid certificate`;
}

async function isKnown(hostname: string): Promise<boolean> {
  return lookup(hostname).then(
    () => true,
    () => false,
  );
}

function shakeHands(host: string, port: number): Promise<void> {
  return new Promise((done, reject) => {
    const socket = connect({ host, port, servername: host, timeout: TLS_MS }, () => {
      socket.end();
      done();
    });
    socket.on("timeout", () => socket.destroy(new Error(`no answer in ${TLS_MS / 1000} s`)));
    socket.on("error", reject);
  });
}

/** Runs wrangler and gives its output; with `show` the output goes to the terminal instead. */
async function runWrangler(given: string[], show = false): Promise<string> {
  const bin = join(
    dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
    "bin/wrangler.js",
  );
  const child = spawn(process.execPath, [bin, ...given], {
    cwd: REPOSITORY,
    stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  const ended = new Promise<number>((done, reject) => {
    child.once("error", reject);
    child.once("close", (status) => done(status ?? 1));
  });
  const [output, errors, code] = await Promise.all([
    child.stdout ? text(child.stdout) : "",
    child.stderr ? text(child.stderr) : "",
    ended,
  ]);
  if (code === 0) return output;
  const line = stripVTControlCharacters(`${errors}\n${output}`)
    .split("\n")
    .find((each) => /error/i.test(each))
    ?.trim();
  throw refusal(`wrangler ${given.slice(0, 2).join(" ")} failed: ${line ?? `it ended with ${code}`}`);
}

function readPlan(): Plan | null {
  const { values } = parseArgs({
    options: {
      "dry-run": { type: "boolean", default: false },
      config: { type: "string", default: "wrangler.toml" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const configPath = resolve(REPOSITORY, values.config);
  const { vars, routes, route } = readConfig({ config: configPath }, { hideWarnings: true });
  const all = [...(routes ?? []), ...(route === undefined ? [] : [route])].map((each) =>
    typeof each === "string"
      ? { pattern: each, created: false }
      : { pattern: each.pattern, created: "custom_domain" in each && each.custom_domain === true },
  );
  return { config: { vars, routes: all }, configPath, dryRun: values["dry-run"] };
}

function inKilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`;
}

async function main(): Promise<void> {
  const plan = readPlan();
  if (!plan) return console.log(HELP);
  let failures = 0;
  for (const { name, run } of CHECKS) {
    try {
      console.log(`${name.padEnd(11)} ${await run(plan)}`);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      failures += 1;
      console.error(`${name.padEnd(11)} FAILED: ${error.message}`);
    }
  }
  if (failures > 0) throw refusal(`Nothing was deployed: ${failures} of ${CHECKS.length} checks failed.`);
  if (plan.dryRun) return console.log("Nothing was deployed: this was a dry run.");
  await runWrangler(["deploy", "--config", plan.configPath], true);
}

main().catch((error: unknown) => {
  console.error(describeFailure(error));
  process.exitCode = 1;
});
