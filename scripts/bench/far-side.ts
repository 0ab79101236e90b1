// Everything the subjects call, in a process of its own on the other core: Redis, Neon, the upstream.
import { answerCalls } from "./child.ts";
import { startNeonFront } from "./neon-front.ts";
import { listenRaw } from "./raw-http.ts";
import { startRedisFront } from "./redis-front.ts";

export type FarSideCall =
  | { readonly do: "open"; readonly twinPort: number }
  | { readonly do: "count" }
  | { readonly do: "replay"; readonly on: boolean };
export type FarSidePorts = { readonly redis: number; readonly neon: number; readonly upstream: number };
/** Calls so far. */
export type FarSideCounts = { readonly redis: number; readonly neon: number };

const body = JSON.stringify({ id: "ord_1", state: "shipped", lines: [1, 2, 3] });
const upstreamAnswer =
  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\n" +
  'ETag: "33a64df5"\r\nCache-Control: max-age=60\r\nX-Version: 7\r\n' +
  `Content-Length: ${body.length}\r\n\r\n${body}`;

const redis = { calls: 0 };
const neon = { calls: 0 };
let setReplay: (on: boolean) => void = () => undefined;

async function open(twinPort: number): Promise<FarSidePorts> {
  const redisFront = await startRedisFront(redis);
  const neonFront = await startNeonFront(neon, { port: twinPort });
  setReplay = neonFront.setReplay;
  const { port } = await listenRaw(() => upstreamAnswer);
  return { redis: redisFront.port, neon: neonFront.port, upstream: port };
}

answerCalls<FarSideCall>(async (call) => {
  if (call.do === "open") return open(call.twinPort);
  if (call.do === "replay") setReplay(call.on);
  return { redis: redis.calls, neon: neon.calls } satisfies FarSideCounts;
});
