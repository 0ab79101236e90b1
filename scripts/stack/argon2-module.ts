import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The Worker's own types know no compiler, since the platform has none. */
type Compiler = { compile(bytes: Uint8Array): Promise<WebAssembly.Module> };

/** Node has no compiled modules to import: for what runs the rooms outside the Worker it is compiled here. */
export async function compileArgon2(): Promise<WebAssembly.Module> {
  const file = fileURLToPath(import.meta.resolve("@phi-ag/argon2/argon2.wasm"));
  const { compile } = WebAssembly as unknown as Compiler;
  return await compile(await readFile(file));
}
