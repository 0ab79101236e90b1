import type { Reply } from "./redis-reply.ts";

/** Splits a RESP2 byte stream into replies; a chunk may end anywhere. */
export function createRespParser(onReply: (reply: Reply) => void) {
  let buffered = "";
  return {
    push(chunk: Buffer): void {
      buffered += chunk.toString("latin1");
      let at = 0;
      for (;;) {
        const parsed = parseReply(buffered, at);
        if (!parsed) break;
        at = parsed.end;
        onReply(parsed.reply);
      }
      buffered = buffered.slice(at);
    },
  };
}

/** The reply that starts at `at`, or null when it is not all there yet. */
function parseReply(text: string, at: number): { reply: Reply; end: number } | null {
  const lineEnd = text.indexOf("\r\n", at);
  if (lineEnd < 0) return null;
  const line = text.slice(at + 1, lineEnd);
  const end = lineEnd + 2;
  switch (text[at]) {
    case "+":
      return { reply: { status: line }, end };
    case "-":
      return { reply: { error: line }, end };
    case ":":
      return { reply: Number(line), end };
    case "$":
      return parseBulk(text, Number(line), end);
    case "*":
      return parseArray(text, Number(line), end);
    default:
      throw new Error("Redis answered something that is not RESP2");
  }
}

function parseBulk(text: string, length: number, start: number): { reply: Reply; end: number } | null {
  if (length < 0) return { reply: null, end: start };
  const end = start + length + 2;
  return text.length < end ? null : { reply: text.slice(start, start + length), end };
}

function parseArray(text: string, length: number, start: number): { reply: Reply; end: number } | null {
  if (length < 0) return { reply: null, end: start };
  const reply: Reply[] = [];
  let end = start;
  for (let i = 0; i < length; i += 1) {
    const element = parseReply(text, end);
    if (!element) return null;
    reply.push(element.reply);
    end = element.end;
  }
  return { reply, end };
}
