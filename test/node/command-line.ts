import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { runCommandLine } from "../../scripts/cli/command-line.ts";

export const now = Date.parse("2026-11-24T12:00:00Z");
export const key = `gk_live_${"a1B2c3".repeat(10)}`;
export const keyId = "key_0123456789abcdefABCDEF";
export const userId = "usr_0123456789abcdefABCDEF";
export const sessionId = "ses_0123456789abcdefABCDEF";
export const jti = "tok_0123456789abcdefABCDEF";
export const routeId = "rte_0123456789abcdefABCDEF";
export const clientId = "cli_0123456789abcdefABCDEF";

/** The command line in this process, with a clock that stands still and no stack to be found. */
export async function run(typed: readonly string[], environment: Record<string, string> = {}) {
  const said: string[] = [];
  const warned: string[] = [];
  const code = await runCommandLine(typed, {
    environment: { GATEHOUSE_LOCAL: "no-such-directory", ...environment },
    now: () => now,
    say: (line) => said.push(line),
    warn: (line) => warned.push(line),
    ended: new AbortController().signal,
  });
  return { code, out: said.join("\n"), err: warned.join("\n") };
}

type Sent = { method: string; path: string; query: string; body: unknown; request: IncomingMessage };
export type Reply = { status: number; body: string; location?: string };

export const problem: Reply = {
  status: 409,
  body: '{"error":"conflict","detail":"the key is revoked","status":409,"request_id":"req_7"}',
};

/** Stands where Gatehouse would, keeps what it was sent and gives one answer after the other, the last for ever. */
export async function givenGatehouse(...replies: readonly Reply[]) {
  const sent: Sent[] = [];
  const server: Server = createServer((request, response) => {
    void text(request).then((body) => {
      const { pathname: path, search: query } = new URL(request.url ?? "/", "http://localhost");
      const parsed = body === "" ? undefined : (JSON.parse(body) as unknown);
      const reply = replies[Math.min(sent.length, replies.length - 1)] ?? problem;
      sent.push({ method: request.method ?? "", path, query, body: parsed, request });
      const location = reply.location === undefined ? {} : { location: reply.location };
      response.writeHead(reply.status, { "content-type": "application/json", ...location });
      response.end(reply.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    sent,
    environment: { GATEHOUSE_URL: url, GATEHOUSE_ADMIN_KEY: key },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
