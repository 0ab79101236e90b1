import { hex } from "../crypto/bytes.ts";

/** Header fields as the runtime lists them: names in lower case, each once but for Set-Cookie. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** What is known of a request before anyone has proved who they are. */
export type Visit = {
  readonly requestId: string;
  readonly url: URL;
  readonly fields: Fields;
  /** The connecting address as the edge saw it; `unknown` when there is no edge (a service binding). */
  readonly address: string;
  /** The address as limits count it: an IPv6 caller has a whole /64. */
  readonly network: string;
  readonly country: string | null;
  readonly city: string | null;
  /** What the caller says of itself, without what could not be shown. */
  readonly userAgent: string;
  /** A time later than all that was read for earlier requests, also for those of its millisecond. */
  readonly arrivedAt: number;
  readonly background: (work: Promise<unknown>) => void;
};

/** What Hono's context holds for us: nothing but the visit. */
export type DoorEnv = { Bindings: { visit: Visit } };

/** Controls, and what would turn the text around it (Unicode's bidirectional overrides). */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const userAgentMax = 256;

const requestIdShape = /^[A-Za-z0-9._-]{8,64}$/;

/** Read for each request: what is not always needed is looked at when it is. */
export function readVisit(
  request: Request,
  caller: Pick<Visit, "url" | "address" | "network" | "arrivedAt" | "background">,
): Visit {
  const givenId = request.headers.get("x-request-id");
  let fields: Fields | undefined;
  return {
    requestId:
      givenId !== null && requestIdShape.test(givenId)
        ? givenId
        : `req_${hex(crypto.getRandomValues(new Uint8Array(16)))}`,
    url: caller.url,
    address: caller.address,
    network: caller.network,
    arrivedAt: caller.arrivedAt,
    background: caller.background,
    // Listing them costs as much as a digest: once for all who ask.
    get fields() {
      fields ??= [...request.headers];
      return fields;
    },
    get country() {
      return countryOf(request);
    },
    get city() {
      return cityOf(request);
    },
    get userAgent() {
      return (request.headers.get("user-agent") ?? "").replaceAll(unprintable, "").slice(0, userAgentMax);
    },
  };
}

function countryOf(request: Request): string | null {
  const cf = (request as { cf?: { country?: unknown } }).cf;
  return typeof cf?.country === "string" && /^[A-Z0-9]{2}$/.test(cf.country) ? cf.country : null;
}

function cityOf(request: Request): string | null {
  const cf = (request as { cf?: { city?: unknown } }).cf;
  return typeof cf?.city === "string" && cf.city !== ""
    ? cf.city.replaceAll(unprintable, "").slice(0, 100)
    : null;
}
