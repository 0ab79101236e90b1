import { createHash } from "node:crypto";
import { isFailure, type Reply } from "./redis-reply.ts";

export type ScriptNames = ReturnType<typeof createScriptNames>;

/**
 * Scripts may begin with `#!lua flags=…`, where Upstash knows flags that Redis does not (key-level locking,
 * which @upstash/ratelimit asks for). The line is taken away before the backing sees the script, and the
 * SHA-1 of what the client sent stands for that of what the backing holds.
 */
export function createScriptNames() {
  const heldBySent = new Map<string, string>();

  function strip(script: string): string {
    if (!script.startsWith("#!")) return script;
    // The line break stays, so that line numbers in errors are those of the text that was sent.
    const lineEnd = script.indexOf("\n");
    const held = lineEnd < 0 ? "" : script.slice(lineEnd);
    heldBySent.set(sha1(script), sha1(held));
    return held;
  }

  const heldName = (sent: string) => heldBySent.get(sent.toLowerCase()) ?? sent;

  function translate(command: string[]): string[] {
    const [name = "", first = "", ...rest] = command;
    const word = name.toUpperCase();
    if (word === "EVAL" || word === "EVAL_RO")
      return command.length < 2 ? command : [name, strip(first), ...rest];
    if (word === "EVALSHA" || word === "EVALSHA_RO")
      return command.length < 2 ? command : [name, heldName(first), ...rest];
    if (word !== "SCRIPT") return command;
    if (first.toUpperCase() === "LOAD") return [name, first, ...rest.map(strip)];
    if (first.toUpperCase() === "EXISTS") return [name, first, ...rest.map(heldName)];
    return command;
  }

  function restore([name = "", first = "", second = ""]: readonly string[], reply: Reply): Reply {
    const word = name.toUpperCase();
    if (word === "SCRIPT" && first.toUpperCase() === "LOAD") {
      return typeof reply === "string" ? sha1(second) : reply;
    }
    if (!word.startsWith("EVAL") || !isFailure(reply)) return reply;
    const sent = word.startsWith("EVALSHA") ? first.toLowerCase() : sha1(first);
    const held = heldBySent.get(sent);
    return held === undefined ? reply : { error: reply.error.replaceAll(held, sent) };
  }

  return { translate, restore };
}

function sha1(binary: string): string {
  return createHash("sha1").update(binary, "latin1").digest("hex");
}
