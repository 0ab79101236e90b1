import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as an upstream behind the gateway receives it. */
export type Seen = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Name and value by turns, as they came. */
  readonly raw: readonly string[];
};

export type Upstream = {
  readonly url: string;
  /** How many requests have come, and the last of them. */
  count(): number;
  last(): Seen | undefined;
  close(): Promise<void>;
};

/** A service behind the gateway that answers everything and remembers what it saw. */
export async function startUpstream(): Promise<Upstream> {
  let count = 0;
  let last: Seen | undefined;
  const server = createServer((request, response) => {
    count += 1;
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, value?.toString()]),
    );
    last = { method: request.method ?? "", path: request.url ?? "", headers, raw: request.rawHeaders };
    request.resume();
    response.setHeader("content-type", "application/json");
    response.end('{"order":42,"state":"shipped"}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    count: () => count,
    last: () => last,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
