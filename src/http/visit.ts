import { randomHex } from "../crypto/bytes.ts";

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

type Seen = Visit & { readonly request: Request; listed: Fields | null };

/** What is not always needed is looked at when it is. One prototype for all: accessors of each visit's own cost more than a digest. */
const whenAsked: Pick<Visit, "fields" | "country" | "city" | "userAgent"> & ThisType<Seen> = {
  // Listing them costs as much as a digest: once for all who ask.
  get fields() {
    this.listed ??= [...this.request.headers];
    return this.listed;
  },
  get country() {
    return countryOf(this.request);
  },
  get city() {
    return cityOf(this.request);
  },
  get userAgent() {
    const said = this.request.headers.get("user-agent") ?? "";
    return said.replaceAll(unprintable, "").slice(0, userAgentMax);
  },
};

/** Read for each request. */
export function readVisit(
  request: Request,
  caller: Pick<Visit, "url" | "address" | "network" | "arrivedAt" | "background">,
): Visit {
  const givenId = request.headers.get("x-request-id");
  return Object.assign(Object.create(whenAsked), {
    request,
    listed: null,
    requestId: givenId !== null && requestIdShape.test(givenId) ? givenId : `req_${randomHex()}`,
    url: caller.url,
    address: caller.address,
    network: caller.network,
    arrivedAt: caller.arrivedAt,
    background: caller.background,
  });
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
