import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

export const { issuer, mailbox, admin_key: adminKey } = inject("site");

/** On plain-http loopback the names bear no prefix. */
export const cookieNames = {
  session: "gatehouse-session",
  refresh: "refreshToken",
  device: "gatehouse-device",
} as const;

/** A person's browser: its own cookies, and everything that went wrong in it. */
export type Window = {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors and warnings of the console, thrown errors, violations of the policy, requests that failed. */
  readonly troubles: string[];
};

let browser: Browser;
const open = new Set<BrowserContext>();

beforeAll(async () => {
  browser = await chromium.connect(inject("chromium"));
});

afterEach(async () => {
  await Promise.all([...open].map((context) => context.close()));
  open.clear();
});

afterAll(() => browser.close());

export async function givenWindow(options: BrowserContextOptions = {}): Promise<Window> {
  const context = await browser.newContext({ baseURL: issuer, ...options });
  open.add(context);
  context.setDefaultTimeout(10_000);
  const troubles: string[] = [];
  await context.addInitScript(
    'addEventListener("securitypolicyviolation", (e) => console.error("policy: " + e.violatedDirective + " " + e.blockedURI))',
  );
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) troubles.push(`${message.type()}: ${message.text()}`);
  });
  context.on("weberror", (error) => troubles.push(`thrown: ${error.error().message}`));
  context.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    // A page that is left behind lets go of what it had asked for.
    if (reason !== "net::ERR_ABORTED") troubles.push(`failed: ${request.url()} ${reason}`);
  });
  return { context, page: await context.newPage(), troubles };
}

/** Chromium puts each answer of 400 and above into the console; where a refusal was meant, it is no trouble. */
export function troublesOf({ troubles }: Window, refused: readonly number[] = []): string[] {
  const isMeant = (line: string) =>
    refused.some((status) => line.includes(`the server responded with a status of ${status}`));
  return troubles.filter((line) => !isMeant(line));
}

/** All cookies by name: what a page of another site must leave as it is. */
export async function cookiesOf({ context }: Window): Promise<Record<string, string>> {
  return Object.fromEntries((await context.cookies(issuer)).map(({ name, value }) => [name, value]));
}

/** A second browser with these cookies of the first: what malware on a laptop takes. */
export async function givenThief(victim: Window, ...names: readonly string[]): Promise<Window> {
  const thief = await givenWindow();
  const stolen = (await victim.context.cookies(issuer)).filter(({ name }) => names.includes(name));
  expect(stolen).toHaveLength(names.length);
  await thief.context.addCookies(stolen);
  return thief;
}

export const pathOf = (page: Page): string => new URL(page.url()).pathname;

const applicationPath = "/application/";
const applicationPage =
  '<!doctype html><html lang="en"><title>Application</title><link rel="icon" href="data:,">';

/**
 * A tab with an application of the operator's on the issuer's hostname, as another Worker's route puts one there. It has no
 * policy of ours, so its script may call; only the document is made up, and all that it asks for is real.
 */
export async function openApplication({ context }: Pick<Window, "context">): Promise<Page> {
  const tab = await context.newPage();
  const url = `${issuer}${applicationPath}`;
  await tab.route(url, (route) => route.fulfill({ contentType: "text/html", body: applicationPage }));
  await tab.goto(url);
  await tab.unroute(url);
  return tab;
}

const applicationOf = async (window: Window): Promise<Page> =>
  window.context.pages().find((tab) => tab.url() === `${issuer}${applicationPath}`) ??
  (await openApplication(window));

export type Answer = { readonly status: number; readonly body: Record<string, unknown> };
type Call = { readonly method?: string; readonly json?: unknown; readonly bearer?: string };

/** A call by an application on the issuer's origin: its cookies, its origin, what the browser says of it. */
export async function call(where: Page | Window, path: string, asked: Call = {}): Promise<Answer> {
  const tab = "page" in where ? await applicationOf(where) : where;
  return await tab.evaluate(
    async ([target, { method = "POST", json, bearer }]) => {
      const answer = await fetch(target, {
        method,
        headers: {
          ...(json === undefined ? {} : { "content-type": "application/json" }),
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      });
      const text = await answer.text();
      const body = (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, unknown>;
      return { status: answer.status, body };
    },
    [path, asked] as const,
  );
}

export const refresh = (where: Page | Window): Promise<Answer> => call(where, "/auth/refresh");

/** What requests to this path carried and were answered, from here on, as it went over the wire. */
export function watch(page: Page, path: string) {
  const seen: Promise<{ cookie: string; status: number; setCookies: string[] }>[] = [];
  page.on("response", (response) => {
    if (new URL(response.url()).pathname !== path) return;
    const read = async () => {
      const { cookie = "" } = await response.request().allHeaders();
      const setCookies = (await response.headersArray())
        .filter(({ name }) => name.toLowerCase() === "set-cookie")
        .map(({ value }) => value);
      return { cookie, status: response.status(), setCookies };
    };
    seen.push(read());
  });
  return { seen: () => Promise.all(seen) };
}
