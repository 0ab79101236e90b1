import { randomBase62 } from "../crypto/base62.ts";

/** What is known of a request before anyone has proved who they are. */
export type Visit = {
  readonly requestId: string;
  /** The connecting address as the edge saw it; `unknown` when there is no edge (a service binding). */
  readonly address: string;
  /** The address as limits count it: an IPv6 caller has a whole /64. */
  readonly network: string;
  readonly country: string | null;
  readonly arrivedAt: number;
  /** W3C Trace Context, taken over or begun here. */
  readonly traceparent: string;
  readonly tracestate: string | null;
  readonly background: (work: Promise<unknown>) => void;
};

/** What Hono's context holds for us: nothing but the visit. */
export type DoorEnv = { Variables: { visit: Visit }; Bindings: { visit: Visit } };

const requestIdShape = /^[A-Za-z0-9._-]{8,64}$/;
/** W3C Trace Context §3.2: version, trace id, parent id, flags; all-zero ids are invalid. */
const traceparentShape = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export function readVisit(
  request: Request,
  caller: Pick<Visit, "address" | "network" | "arrivedAt" | "background">,
): Visit {
  const { headers } = request;
  const givenId = headers.get("x-request-id") ?? "";
  const givenTrace = headers.get("traceparent") ?? "";
  const isTraced = traceparentShape.test(givenTrace);
  return {
    requestId: requestIdShape.test(givenId) ? givenId : `req_${randomBase62(22)}`,
    ...caller,
    country: countryOf(request),
    traceparent: isTraced ? givenTrace : `00-${randomHex(16)}-${randomHex(8)}-00`,
    tracestate: isTraced ? boundedTracestate(headers.get("tracestate")) : null,
  };
}

function countryOf(request: Request): string | null {
  const cf = (request as { cf?: { country?: unknown } }).cf;
  return typeof cf?.country === "string" && /^[A-Z0-9]{2}$/.test(cf.country) ? cf.country : null;
}

const boundedTracestate = (text: string | null): string | null => (text && text.length <= 512 ? text : null);

function randomHex(bytes: number): string {
  let text = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(bytes)))
    text += byte.toString(16).padStart(2, "0");
  return text;
}
