import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { checkHouse } from "../../scripts/check-house.ts";

type Files = Readonly<Record<string, string>>;

const script = join(import.meta.dirname, "../../scripts/check-house.ts");
const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

function write(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), "house-"));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** Every violation of a tree as `path:line rule`. */
function broken(files: Files): readonly string[] {
  return checkHouse(write(files)).map(({ path, line, rule }) => `${path}:${line} ${rule}`);
}

/** The rules that one file of src breaks when it stands alone. */
function brokenBy(path: string, text: string): readonly string[] {
  return broken({ [path]: text });
}

function statements(count: number): string {
  return Array.from({ length: count }, (_, index) => `  use(${index});`).join("\n");
}

/** A house in order: every kind of file, and near misses of every rule. */
const clean: Files = {
  "package.json": "{}",
  ".gitignore": "dist/",
  ".ci/run": "#!/bin/sh\nnpm test\n",
  "README.md": "Served at https://example.test/work/now and kept in ./root/data.\n",
  "package-lock.json": `{"resolved": "${["", "work", "x"].join("/")}"}`,
  "migrations/0000_first.sql": "select 1;",
  "scripts/start.ts": 'import { env } from "node:process";\nconsole.log(process.pid, env);\n',
  "src/index.ts":
    'import { app } from "./app.ts";\nexport default { fetch: () => app(Date.now()) };\nconsole.log("up");\n',
  "src/app.ts": 'import { Hono } from "hono";\nexport const app = (at: number) => new Hono() && at;\n',
  "src/rpc.ts": [
    'import { WorkerEntrypoint } from "cloudflare:workers";',
    "class Entrypoint extends WorkerEntrypoint { #secret = 1; read() { return this.#secret; } }",
    "export class Verifier extends Entrypoint {}",
  ].join("\n"),
  "src/wiring.ts": [
    'import { createTokens } from "./tokens/tokens.ts";',
    'import { createTokenStore } from "./tokens/store.ts";',
    "export function wire() {",
    statements(60),
    "  return createTokens({ store: createTokenStore(), now: () => Date.now() });",
    "}",
  ].join("\n"),
  "src/errors/auth-error.ts": "export class AuthError extends Error {}\n",
  "src/crypto/digest.ts":
    'import { AuthError } from "../errors/auth-error.ts";\nexport const iterations = 100_000;\nexport { AuthError };\n',
  "src/storage/redis.ts":
    'import { Redis } from "@upstash/redis";\nexport const redis = () => new Redis();\n',
  "src/http/page.tsx": 'export const Page = () => <p>Don\'t wait for now, "eval(" is only text</p>;\n',
  "src/audit/audit.ts": "export interface Audit { write(): void }\n",
  "src/audit/tables.ts":
    'import { pgTable } from "drizzle-orm/pg-core";\nexport const events = pgTable("events", {});\n',
  "src/tokens/tables.ts": 'import { events } from "../audit/tables.ts";\nexport const tokens = { events };\n',
  "src/tokens/store.ts": [
    'import { redis } from "../storage/redis.ts";',
    'import { tokens } from "./tables.ts";',
    "export const createTokenStore = () => ({ redis, tokens });",
    "export type TokenStore = ReturnType<typeof createTokenStore>;",
  ].join("\n"),
  "src/tokens/tokens.ts": [
    "// The family dies with its first reuse (RFC 99999 §4.13.2). It asks for now() once; Date.now() stands above.",
    'import type { Audit } from "../audit/audit.ts";',
    'import { AuthError } from "../errors/auth-error.ts";',
    'import type { TokenStore } from "./store.ts";',
    "const kinds: ReadonlySet<string> = new Set(['access']);",
    "const ages = new Map([['access', 600]]) as ReadonlyMap<string, number>;",
    "export function createTokens(needs: { store: TokenStore; audit?: Audit; now: () => number }) {",
    `  const issue = () => {\n${statements(40)}\n  };`,
    `  const revoke = () => {\n${statements(40)}\n  };`,
    "  return { issue, revoke, at: new Date(needs.now()), kinds, ages, AuthError };",
    "}",
  ].join("\n"),
  "src/tokens/routes.ts": [
    'import { Hono } from "hono";',
    'import { object } from "valibot";',
    'import { Page } from "../http/page.tsx";',
    'import { createTokens } from "./tokens.ts";',
    'const banned = "console.log(process.env, Math.random(), new Function())";',
    "export const routes = () => [Hono, object, Page, createTokens, banned];",
  ].join("\n"),
  "src/messages/mail.client.ts":
    'import { AuthError } from "../errors/auth-error.ts";\nexport const mail = AuthError;\n',
  "src/oauth/grants/index.ts":
    'import { code } from "./authorization-code.ts";\nexport const grants = [code];\n',
  "src/oauth/grants/authorization-code.ts": 'import { SignJWT } from "jose";\nexport const code = SignJWT;\n',
  "test/tokens/tokens.test.ts": [
    'import { expect, test } from "vitest";',
    'import { createTokens } from "../../src/tokens/tokens.ts";',
    "function refuses(value: unknown) { expect(value).toBeTypeOf('function'); }",
    "// RFC 99999 §4.13.2",
    'test("a family dies with its first reuse", () => { refuses(createTokens); });',
    'test.each([1])("%i is refused", (one) => { expect(one).toBe(1); });',
    'test("a check in support counts", async () => { await expectRefused(1); });',
    'const text = "test.only(1)";',
  ].join("\n"),
};

describe("a house in order", () => {
  test("passes, also where strings, comments and JSX text look like violations", () => {
    expect(checkHouse(write(clean))).toEqual([]);
  });

  test("is reported in one line with its counts and status 0", () => {
    const out = execFileSync(process.execPath, [script], { cwd: write(clean), encoding: "utf8" });
    expect(out).toMatch(/^house: 19 files, \d+ imports, 1 citations, in order\n$/);
  });

  test("in disorder is reported one violation a line with status 1", () => {
    const cwd = write({ "notes.txt": "", "src/app.ts": "Math.random();\n" });
    const run = () => execFileSync(process.execPath, [script], { cwd, encoding: "utf8", stdio: "pipe" });
    expect(run).toThrow(expect.objectContaining({ status: 1 }));
    try {
      run();
    } catch (error) {
      const { stdout } = error as { stdout: string };
      expect(stdout.split("\n")).toEqual([
        expect.stringMatching(/^notes\.txt:1 top-level: /),
        expect.stringMatching(/^src\/app\.ts:1 randomness: /),
        "",
      ]);
    }
  });

  test("is judged without what git ignores", () => {
    const root = write({ ".gitignore": "*.log\n", "debug.log": "", "stray.txt": "" });
    execFileSync("git", ["init", "-q"], { cwd: root });
    expect(checkHouse(root).map(({ path }) => path)).toEqual(["stray.txt"]);
  });
});

describe("who may import whom", () => {
  test.each([
    ["plain logic never knows another room at run time", "tokens/tokens.ts", '"../audit/audit.ts"'],
    ["plain logic never knows a room below it", "audit/audit.ts", 'type "../tokens/tokens.ts"'],
    ["plain logic never knows its own store at run time", "tokens/tokens.ts", '"./store.ts"'],
    ["plain logic never knows its own client at run time", "messages/messages.ts", '"./mail.client.ts"'],
    ["plain logic never knows its own routes", "tokens/tokens.ts", 'type "./routes.ts"'],
    ["plain logic never knows another room's routes", "tokens/tokens.ts", 'type "../audit/routes.ts"'],
    ["plain logic never knows http", "tokens/tokens.ts", 'type "../http/cookies.ts"'],
    ["plain logic never knows storage", "tokens/tokens.ts", 'type "../storage/redis.ts"'],
    ["plain logic never knows hono", "tokens/tokens.ts", 'type "hono"'],
    ["plain logic never knows a driver", "tokens/tokens.ts", '"drizzle-orm/pg-core"'],
    ["a room never knows the roof", "tokens/tokens.ts", 'type "../env.ts"'],
    ["routes never know a store", "tokens/routes.ts", 'type "./store.ts"'],
    ["routes never know storage", "tokens/routes.ts", '"../storage/redis.ts"'],
    ["routes never know a driver", "tokens/routes.admin.ts", '"@upstash/redis"'],
    ["routes never know another room at run time", "tokens/routes.ts", '"../audit/audit.ts"'],
    ["a page never knows a store", "login/sign-in.page.tsx", 'type "./store.ts"'],
    ["a store never knows http", "tokens/store.ts", '"../http/cookies.ts"'],
    ["a store never knows hono", "tokens/families.store.ts", '"hono"'],
    ["a store never names a table of a room below", "audit/store.ts", '"../tokens/tables.ts"'],
    ["tables never name a table of a room below", "audit/tables.ts", '"../tokens/tables.ts"'],
    ["a client never knows a driver", "messages/mail.client.ts", '"@upstash/redis"'],
    ["a client never knows its room", "messages/mail.client.ts", 'type "./messages.ts"'],
    ["a client never knows storage", "messages/mail.client.ts", '"../storage/redis.ts"'],
    ["a client never knows another room", "messages/mail.client.ts", 'type "../audit/audit.ts"'],
    ["errors know nothing of ours", "errors/codes.ts", 'type "../crypto/bytes.ts"'],
    ["crypto never knows storage", "crypto/seal.ts", '"../storage/redis.ts"'],
    ["storage never knows http", "storage/redis.ts", '"../http/cookies.ts"'],
    ["http never knows storage", "http/cookies.ts", '"../storage/redis.ts"'],
    ["the ground never knows a room", "http/cookies.ts", 'type "../tokens/tokens.ts"'],
    ["the ground never knows the roof", "storage/redis.ts", 'type "../env.ts"'],
    ["src never imports test", "index.ts", '"../test/support/given.ts"'],
    ["src never imports scripts", "wiring.ts", '"../scripts/start.ts"'],
    [
      "src never imports an unlisted file of a package",
      "storage/redis.ts",
      '"../../node_modules/hono/index.js"',
    ],
    [
      "a listed file of a package is for whom the package is",
      "tokens/tokens.ts",
      '"../../node_modules/@upstash/redis/chunk-4WQYU7T6.mjs"',
    ],
    ["an unlisted room is unknown", "tokens/tokens.ts", 'type "../people/people.ts"'],
    ["jose stays out of rooms that sign nothing", "audit/audit.ts", '"jose"'],
    ["ipaddr.js stays in plain logic", "tokens/routes.ts", '"ipaddr.js"'],
    ["valibot stays out of plain logic", "tokens/tokens.ts", '"valibot"'],
    ["cloudflare:workers stays in index and rpc", "app.ts", '"cloudflare:workers"'],
    ["hono stays out of wiring", "wiring.ts", '"hono"'],
    ["Node's modules stay out of src", "wiring.ts", '"node:fs"'],
    ["a package that the table does not name stays out", "index.ts", '"lodash/fp"'],
    ["an import carries its extension", "index.ts", '"./app"'],
  ])("%s", (_, path, target) => {
    const isType = target.startsWith("type ");
    const from = target.replace("type ", "");
    expect(brokenBy(`src/${path}`, `\nimport ${isType ? "type " : ""}{ x } from ${from};`)).toEqual([
      `src/${path}:2 imports`,
    ]);
  });

  test.each([
    ["a multi-line import", 'import {\n  a, // "b"\n  type B,\n} from "../audit/audit.ts";'],
    [
      "inline type modifiers only, which keep the import at run time",
      'import { type A } from "../audit/audit.ts";',
    ],
    ["a re-export", 'export { a } from "../audit/audit.ts";\nexport const b = 1;'],
    ["export all", 'export * from "../audit/audit.ts";\nexport const b = 1;'],
    ["a namespace import", 'import * as audit from "../audit/audit.ts";'],
    ["a side-effect import", 'import "../audit/audit.ts";'],
    ["a dynamic import", 'export const a = () => import("../audit/audit.ts");'],
    ["a dynamic import in a template", "export const a = () => import(`../audit/audit.ts`);"],
    ["a computed import", "export const a = (room: string) => import(room);"],
    ["require", 'export const a = require("../audit/audit.ts");'],
  ])("another room is found behind %s", (_, text) => {
    expect(brokenBy("src/tokens/tokens.ts", text)).toEqual(["src/tokens/tokens.ts:1 imports"]);
  });

  test("a type of a room below is found behind an import type", () => {
    const text = 'export type A = import("../tokens/tokens.ts").Tokens;';
    expect(brokenBy("src/audit/audit.ts", text)).toEqual(["src/audit/audit.ts:1 imports"]);
  });

  test("an import in a comment or a string is none", () => {
    const text = '// import "../audit/audit.ts"\nexport const a = \'import "../audit/audit.ts"\';';
    expect(brokenBy("src/tokens/tokens.ts", text)).toEqual([]);
  });

  test("JSX, which imports hono unseen, stands in pages, routes and http only", () => {
    expect(brokenBy("src/messages/mail.tsx", "export const a = <p />;")).toEqual([
      "src/messages/mail.tsx:1 imports",
    ]);
  });

  test.each(["src/people/people.ts", "src/start.ts"])("%s is refused: it is no listed place", (path) => {
    expect(brokenBy(path, "export const a = 1;")).toEqual([`${path}:1 imports`]);
  });
});

describe("names and places", () => {
  test("the top level is a closed list", () => {
    expect(broken({ "docs/a.md": "", "vitest.config.ts": "", ".editorconfig": "" })).toEqual([
      "docs:1 top-level",
      "vitest.config.ts:1 top-level",
    ]);
  });

  test.each([
    "src/tokens/token-utils.ts",
    "src/tokens/helpers/a.ts",
    "scripts/shared.ts",
    "test/support/common/a.ts",
    "src/tokens/tokenFamily.ts",
    "src/tokens/Tokens.ts",
    "src/tokens/token_family.ts",
  ])("%s is refused: names are kebab-case words of the subject", (path) => {
    expect(brokenBy(path, "export const a = 1;")).toEqual([`${path}:1 names`]);
  });

  test("an index.ts outside the list of a kind is refused", () => {
    expect(brokenBy("src/tokens/index.ts", "export const a = 1;")).toEqual(["src/tokens/index.ts:1 barrel"]);
  });

  test("a file that only re-exports is refused", () => {
    const text = '\nexport { a } from "./a.ts";\nexport type { B } from "./b.ts";';
    expect(brokenBy("src/oauth/grants/index.ts", text)).toEqual(["src/oauth/grants/index.ts:2 barrel"]);
  });

  test.each(["work/x", "root/.npm", "home/someone/x", "farm/y"])("a path under %s is refused", (path) => {
    expect(brokenBy("README.md", `\nSee \`/${path}/file\`.`)).toEqual(["README.md:2 machine-path"]);
  });
});

describe("sizes", () => {
  test.each(["src/tokens/tokens.ts", "scripts/start.ts"])("%s holds 300 lines and not 301", (path) => {
    expect(brokenBy(path, "// line\n".repeat(300))).toEqual([]);
    expect(brokenBy(path, "// line\n".repeat(301))).toEqual([`${path}:301 file-size`]);
  });

  test.each([
    ["declaration", "function f() {", "}"],
    ["arrow", "const f = () => {", "};"],
    ["method", "const o = { f() {", "} };"],
    [
      "function inside a front door",
      "export function createTokens() { const issue = () => {",
      "}; return issue; }",
    ],
  ])("a %s of 50 lines of code passes and one of 51 does not", (_, head, foot) => {
    const path = "src/tokens/tokens.ts";
    expect(brokenBy(path, `${head}\n${statements(48)}\n${foot}`)).toEqual([]);
    expect(brokenBy(path, `${head}\n${statements(49)}\n${foot}`)).toEqual([`${path}:1 function-size`]);
  });

  test("a front door's own lines are counted", () => {
    const text = `export function createTokens() {\n${statements(60)}\n}`;
    expect(brokenBy("src/tokens/tokens.ts", text)).toEqual(["src/tokens/tokens.ts:1 function-size"]);
  });

  test("comments, blank lines and the lines of a template are not charged", () => {
    const filler = `${"\n  // why\n".repeat(30)}  /*\n${" * why\n".repeat(30)}  */\n  sql(\`${"\nselect".repeat(30)}\`);`;
    expect(brokenBy("src/tokens/tokens.ts", `function f() {\n${filler}\n}`)).toEqual([]);
  });
});

describe("citations", () => {
  const rule = "\n// RFC 99998 §4.6, OIDC Core §99.1.\nexport const a = 1;";

  test("a section that no test cites is reported", () => {
    expect(broken({ "src/tokens/a.ts": rule, "test/tokens/a.test.ts": "// RFC 99998 §4.6.1" })).toEqual([
      "src/tokens/a.ts:2 citation",
      "src/tokens/a.ts:2 citation",
    ]);
  });

  test("a section that a test cites is kept, also across a line break of a comment", () => {
    const proof = "/**\n * RFC 99998\n * §4.6 and OIDC Core §99.1\n */";
    expect(broken({ "src/tokens/a.ts": rule, "test/tokens/a.test.ts": proof })).toEqual([]);
  });

  test.each(["RFC99998 §4", "RFC 99998, section 4.6"])("the spelling %s is refused", (spelling) => {
    expect(brokenBy("src/tokens/a.ts", `// ${spelling}`)).toEqual(["src/tokens/a.ts:1 citation"]);
  });
});

describe("the platform", () => {
  test.each([
    ["clock", "export const a = () => Date.now();"],
    ["clock", "export const now = Date.now;"],
    ["clock", "export const a = () => new Date();"],
    ["clock", "export const a = () => new Date;"],
    ["clock", "export const a = () => performance.now();"],
    ["clock", "export const a = () => globalThis.Date.now();"],
    ["randomness", "export const a = () => Math.random();"],
    ["console", 'console.log("a");'],
    ["node-global", "export const a = () => process.env;"],
    ["node-global", 'export const a = () => Buffer.from("a");'],
    ["run-time-code", 'export const a = () => eval("1");'],
    ["run-time-code", 'export const a = () => new Function("1");'],
    ["run-time-code", "export const a = (bytes: ArrayBuffer) => WebAssembly.compile(bytes);"],
    ["run-time-code", "export const a = (bytes: ArrayBuffer) => WebAssembly.instantiate(bytes);"],
    ["key-stretching", "export const a = { iterations: 100_001 };"],
    ["key-stretching", "const pbkdf2Iterations = 600000;"],
  ])("%s: `%s` is refused in a room", (rule, text) => {
    expect(brokenBy("src/tokens/tokens.ts", text)).toEqual([`src/tokens/tokens.ts:1 ${rule}`]);
  });

  test("scripts may write to the console and read the clock, and guess no randomness", () => {
    const text = "console.log(process.pid, Date.now());\nMath.random();";
    expect(brokenBy("scripts/start.ts", text)).toEqual(["scripts/start.ts:2 randomness"]);
  });

  test("env.ts, though of the roof, reads no clock and writes to no console", () => {
    expect(brokenBy("src/env.ts", "console.log(Date.now());")).toEqual([
      "src/env.ts:1 clock",
      "src/env.ts:1 console",
    ]);
  });
});

describe("the language", () => {
  test.each([
    ["any", "export const a = 1 as any;"],
    ["any", "export const a = (b: any) => b;"],
    ["any", "export type A = Record<string, any>;"],
    ["any", "// @ts-ignore\n"],
    ["any", "// @ts-nocheck\n"],
    ["unfinished", "// TODO tidy\n"],
    ["unfinished", "/* FIXME */"],
    ["unfinished", "/** Enough for now. */"],
    ["unfinished", 'export const a = "Not implemented";'],
    ["unfinished", "export const a = `$" + "{1} is not yet implemented`;"],
  ])("%s: `%s` is refused in src and scripts", (rule, text) => {
    expect(brokenBy("src/tokens/tokens.ts", text)).toEqual([`src/tokens/tokens.ts:1 ${rule}`]);
    expect(brokenBy("scripts/start.ts", text)).toEqual([`scripts/start.ts:1 ${rule}`]);
  });

  test("a line is counted right behind characters outside ASCII", () => {
    const text = "// § – 🔑\nexport const b = `–\n`;\n/* 🔑 */ export const a = 1 as any;";
    expect(brokenBy("src/tokens/tokens.ts", text)).toEqual(["src/tokens/tokens.ts:4 any"]);
  });
});

describe("state and classes", () => {
  test.each([
    ["a class of our own", "class", "export class Tokens {}"],
    ["a class expression", "class", "export const a = class {};"],
    ["an AuthError outside errors", "class", "export class AuthError extends Error {}"],
    ["let in module scope", "module-scope", "let a = 1;"],
    ["a mutable map in module scope", "module-scope", "const cache = new Map<string, string>();"],
    ["a mutable set under its own type", "module-scope", "const seen: Set<string> = new Set();"],
  ])("%s is refused below the roof", (_, rule, text) => {
    expect(brokenBy("src/tokens/tokens.ts", text)).toEqual([`src/tokens/tokens.ts:1 ${rule}`]);
  });

  test("a private or protected member of an RPC class is refused", () => {
    const text = [
      'import { WorkerEntrypoint } from "cloudflare:workers";',
      "export class Verifier extends WorkerEntrypoint<Env> {",
      "  private a() {}",
      "  protected b = 1;",
      "  #c() {}",
      "}",
    ].join("\n");
    expect(brokenBy("src/rpc.ts", text)).toEqual(["src/rpc.ts:3 rpc-private", "src/rpc.ts:4 rpc-private"]);
  });
});

describe("tests", () => {
  test.each([
    ["alone", 'test.only("a", () => { expect(f()).toBe(1); });'],
    ["skipped", 'describe.skip("a", () => {});'],
    ["skipped with cases", 'it.skip.each([1])("a", (one) => { expect(one).toBe(1); });'],
    ["to be written", 'test.todo("a");'],
    ["skipped from inside", 'test("a", (context) => { context.skip(); expect(f()).toBe(1); });'],
    ["expecting a constant", 'test("a", () => { f(); expect(true).toBe(true); });'],
    ["without an assertion", 'test("a", async () => { await f(); });'],
    ["without an assertion in any case", 'it.each([1])("a", function (one) { f(one); });'],
    ["whose checks assert nothing", 'function check() {}\ntest("a", () => { check(); });'],
  ])("a test %s is refused", (_, text) => {
    expect(brokenBy("test/tokens/a.test.ts", text)).toEqual([
      expect.stringMatching(/^test\/tokens\/a\.test\.ts:\d test$/),
    ]);
  });
});
