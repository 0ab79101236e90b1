import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { refusal } from "../stack/refusal.ts";

export const nameOfFile = (path: string): string => (path === "-" ? "Standard input" : path);

/** What stands in the file, or comes on standard input. */
export async function readGivenFile(path: string): Promise<string> {
  return await (path === "-" ? text(process.stdin) : readFile(path, "utf8")).catch((error: unknown) => {
    throw refusal(`${nameOfFile(path)} cannot be read: ${(error as NodeJS.ErrnoException).code}.`, error);
  });
}

/** A secret: never an argument, which every process of the machine can read and every shell remembers. */
export async function readSecret(path: string): Promise<string> {
  const [line = ""] = (await readGivenFile(path)).split(/\r?\n/, 1);
  if (line === "") throw refusal(`${nameOfFile(path)} has nothing on its first line.`);
  return line;
}
