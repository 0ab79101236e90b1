import { randomHex } from "../crypto/bytes.ts";

/** W3C Trace Context §3.2: version, trace id, parent id, flags; all-zero ids are invalid. */
const traceparentShape = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const tracestateMax = 512;

/** The trace a call belongs to: taken over as it came, or begun here. A state without its trace means nothing. */
export function traceContext(headers: Headers): { traceparent: string; tracestate: string | null } {
  const given = headers.get("traceparent");
  if (given === null || !traceparentShape.test(given))
    return { traceparent: newTraceparent(), tracestate: null };
  const state = headers.get("tracestate");
  return { traceparent: given, tracestate: state !== null && state.length <= tracestateMax ? state : null };
}

function newTraceparent(): string {
  const parent = randomHex();
  return `00-${randomHex()}-${parent.slice(0, 8)}${parent.slice(-8)}-00`;
}
