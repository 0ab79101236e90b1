import { feedKeys } from "../../src/revocation/feed-scripts.ts";
import { answerJson, listenRaw } from "./raw-http.ts";

type Count = { calls: number };

const newest = "1:genesis:0123456789abcdef";

/**
 * Redis as the measured paths see it, answering in constant time: nothing is ever revoked, no limit is ever reached.
 * An embedded Redis would cost more than what is measured; its truth is the test suites' matter.
 */
export async function startRedisFront(count: Count) {
  const { port } = await listenRaw(({ path, body }) => {
    count.calls += 1;
    if (path !== "/pipeline") return answerJson('{"error":"ERR only pipelines"}', "400 Bad Request");
    const commands = JSON.parse(body) as string[][];
    return answerJson(JSON.stringify(commands.map((command) => replyTo(command))));
  });
  return { port };
}

function replyTo(command: readonly string[]): { result?: unknown; error?: string } {
  const verb = (command[0] ?? "").toLowerCase();
  if (verb === "get") return { result: null };
  if (verb === "ping") return { result: "PONG" };
  if (verb === "rpush") return { result: 1 };
  if (verb !== "evalsha" && verb !== "eval") return { error: `ERR unknown command ${verb}` };
  const keysCount = Number(command[2]);
  const keys = command.slice(3, 3 + keysCount);
  const args = command.slice(3 + keysCount).map(String);
  return { result: keys[0] === feedKeys[0] ? feedReply(args) : takeReply(keys.length) };
}

/** An append ends in `kind:subject`; a read says the number and member it knows, and learns that nothing came after. */
function feedReply(args: readonly string[]): unknown {
  if (args.slice(2).some((arg) => arg.includes(":"))) return 1;
  const known = args[1] ?? "";
  return known === "" ? ["reset", newest] : [known];
}

/** Granted, and per limit: none used, free now, empty now. */
const takeReply = (limits: number): number[] => [1, ...new Array<number>(limits * 3).fill(0)];
