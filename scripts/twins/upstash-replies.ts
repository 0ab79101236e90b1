import { fromBinary, isFailure, isStatus, type Reply } from "./redis-reply.ts";

/** `{"result": …}` or `{"error": …}`. Errors are never base64. */
export function replyToJson(reply: Reply, base64: boolean): { result: unknown } | { error: string } {
  if (isFailure(reply)) return { error: fromBinary(reply.error) };
  return { result: toJson(reply, base64) };
}

/** With base64, every string at every depth but a literal `OK`; numbers and null as they are. */
function toJson(reply: Reply, base64: boolean): unknown {
  if (reply === null || typeof reply === "number") return reply;
  if (Array.isArray(reply)) return reply.map((element) => toJson(element, base64));
  if (isFailure(reply)) return { error: fromBinary(reply.error) };
  const text = isStatus(reply) ? reply.status : reply;
  if (!base64 || text === "OK") return fromBinary(text);
  return Buffer.from(text, "latin1").toString("base64");
}
