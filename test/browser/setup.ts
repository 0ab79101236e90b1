import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import type { TestProject } from "vitest/node";
import { REPOSITORY } from "../../scripts/stack/local-data.ts";
import { routeApplication, startApplication } from "./application.ts";

/** Where a stack is, as a person meets it. */
type Site = { readonly issuer: string; readonly mailbox: string; readonly admin_key: string };
type Ready = Site;

declare module "vitest" {
  interface ProvidedContext {
    site: Site;
    chromium: string;
  }
}

/** A brand that no layout likes: long, and from right to left in part. */
const brandName = "The Worshipful Company of Locksmiths – نقابة صانعي الأقفال";

/** `npm start` on a free port with data of its own, which goes with it. */
async function startSite(environment: Readonly<Record<string, string>>) {
  const local = mkdtempSync(join(tmpdir(), "gatehouse-browser-"));
  // Nothing else of ours: a variable of the Worker in this shell would change what is tested.
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [join(REPOSITORY, "scripts/start.ts"), "--json", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH, HOME, ...environment, GATEHOUSE_LOCAL: local },
  });
  const ended = once(child, "close");
  const lines = createInterface(child.stdout);
  const ready = await Promise.race([once(lines, "line"), ended.then(() => null)]);
  if (ready === null) throw new Error("The stack did not start.");
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
    rmSync(local, { recursive: true, force: true });
  };
  return { ...(JSON.parse(String(ready[0])) as Ready), stop };
}

/** One stack, one Chromium and one application for all the files of the suite. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  if (!existsSync(executablePath))
    throw new Error(`There is no Chromium at ${executablePath}: install one, or name yours in CHROMIUM.`);
  await using closing = new AsyncDisposableStack();
  // Its sandbox needs what root and containers do not have; it opens nothing but pages of this machine.
  const server = await chromium.launchServer({ executablePath, chromiumSandbox: false });
  closing.defer(() => server.close());
  const application = await startApplication();
  closing.defer(() => application.close());
  const site = await startSite({ BRAND_NAME: brandName, REVOCATION_BOUND_SECONDS: "1" });
  closing.defer(() => site.stop());
  await routeApplication(site.issuer, site.admin_key, application);
  const { issuer, mailbox, admin_key } = site;
  project.provide("site", { issuer, mailbox, admin_key });
  project.provide("chromium", server.wsEndpoint());
  const started = closing.move();
  return () => started.disposeAsync();
}
