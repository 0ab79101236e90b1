import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildFailure, build, formatMessages, type Metafile, type Plugin, stop } from "esbuild";
import { REPOSITORY } from "./local-data.ts";
import { refusal } from "./refusal.ts";

export type Compatibility = { date: string; flags: string[] };

/** The script, and the compiled modules that it imports; all in one folder, each by its bare name. */
export type WorkerBundle = { readonly script: string; readonly wasm: readonly string[] };

/** A `.wasm` stays a module of its own, as the deployment has it. */
export const wasmBeside = { loader: { ".wasm": "copy" }, assetNames: "[name]" } as const;

/** What the deployment has another file for (wrangler.toml, `[alias]`): the specifier, and the file as an absolute path. */
export function readAliases(path = join(REPOSITORY, "wrangler.toml")): ReadonlyMap<string, string> {
  const section = /^\[alias\]\n([^[]*)/m.exec(readFileSync(path, "utf8").replace(/^#.*\n/gm, ""))?.[1] ?? "";
  const lines = section.matchAll(/^"([^"]+)"\s*=\s*"([^"]+)"$/gm);
  return new Map([...lines].map(([, from = "", to = ""]) => [from, join(REPOSITORY, to)]));
}

/** As wrangler does it: esbuild's own `alias` knows no relative specifiers. */
export const deployedAliases = (): Plugin => ({
  name: "deployed-aliases",
  setup({ onResolve }) {
    const aliases = readAliases();
    onResolve({ filter: /^[@.\w]/ }, ({ path }) => {
      const instead = aliases.get(path);
      return instead === undefined ? undefined : { path: instead };
    });
  },
});

/** Bundles the Worker as the deployment does, but readable. */
export async function bundleWorker(entry: string, directory: string): Promise<WorkerBundle> {
  const outfile = join(directory, "worker.js");
  if (!existsSync(entry)) throw refusal(`There is no Worker to run: ${entry} does not exist.`);
  try {
    const { metafile } = await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: "esm",
      target: "es2024",
      conditions: ["workerd", "worker", "browser"],
      external: ["cloudflare:*"],
      define: { "process.env.NODE_ENV": '"production"' },
      jsx: "automatic",
      jsxImportSource: "hono/jsx",
      ...wasmBeside,
      plugins: [deployedAliases()],
      metafile: true,
      absWorkingDir: REPOSITORY,
      logLevel: "silent",
    });
    return { script: outfile, wasm: wasmOf(metafile) };
  } catch (error) {
    throw refusal(`The Worker does not build: ${await firstMessage(error)}`, error);
  } finally {
    // esbuild keeps a process for the next build; there is none.
    await stop();
  }
}

/** Names of the compiled modules that a build put beside its script. */
export const wasmOf = (metafile: Metafile): string[] =>
  Object.keys(metafile.outputs).flatMap((path) => (path.endsWith(".wasm") ? [basename(path)] : []));

/** The two lines of wrangler.toml that decide what the runtime does; one place says them for both. */
export function readCompatibility(path = join(REPOSITORY, "wrangler.toml")): Compatibility {
  const text = readFileSync(path, "utf8");
  const date = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(text)?.[1];
  if (!date) throw refusal(`${path} names no compatibility_date.`);
  const flags = /^compatibility_flags\s*=\s*\[([^\]]*)\]/m.exec(text)?.[1] ?? "";
  return { date, flags: [...flags.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? "") };
}

async function firstMessage(error: unknown): Promise<string> {
  const first = (error as Partial<BuildFailure>).errors?.[0];
  if (!first) return (error as Error).message;
  const [text] = await formatMessages([first], { kind: "error", color: false });
  return (text ?? first.text).trim();
}
