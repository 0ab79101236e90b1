import * as v from "valibot";
import { parseRange } from "../api-keys/addresses.ts";
import { isScope, metadataBytesMax, overlapSecondsMax, ownerTypes } from "../api-keys/record.ts";
import { eventTypes } from "../audit/events.ts";

/** The shapes of the management API, once: they parse what is sent and make the OpenAPI document. */

export const text = (max: number) =>
  v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1, "must not be empty"),
    v.maxLength(max, `must be ${max} characters or fewer`),
    // Also what turns or breaks the text around it on an operator's screen: overrides, isolates, line separators.
    v.regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]*$/u, "must not hold control characters"),
  );
export const wholeNumber = (min: number, max: number) =>
  v.pipe(
    v.number(),
    v.integer("must be a whole number"),
    v.minValue(min, `must be ${min} or more`),
    v.maxValue(max, `must be ${max} or less`),
  );
/** `Date` takes the 30th of February for the 2nd of March: a slip that would move an expiry. */
function isDayOfItsMonth(iso: string): boolean {
  const [year = 0, month = 0, day = 0] = iso.slice(0, 10).split("-").map(Number);
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** Postgres has no year 0. */
export const moment = v.pipe(
  v.string(),
  v.isoTimestamp("must be a time like 2027-01-31T12:00:00Z"),
  v.check(isDayOfItsMonth, "must be a time that exists"),
  v.transform((iso) => new Date(iso)),
  v.check((at) => at.getUTCFullYear() >= 1, "must be a time that exists"),
);
export const listOf = <Item extends v.GenericSchema>(item: Item, max: number) =>
  v.pipe(v.array(item), v.maxLength(max, `must have ${max} entries or fewer`));
export const unique = <Item>(items: readonly Item[]) => new Set(items).size === items.length;

/** Visible ASCII, since an owner's id travels in headers. */
export const visibleText = v.pipe(
  v.string(),
  v.regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 visible ASCII characters without spaces"),
);

export const ownerInput = v.strictObject({
  type: v.picklist(ownerTypes, `must be one of ${ownerTypes.join(", ")}`),
  id: v.pipe(
    visibleText,
    v.check((id) => id !== "." && id !== "..", "must not be . or .., which no URL can name"),
  ),
});

export const scopes = v.pipe(
  listOf(
    v.pipe(v.string(), v.check(isScope, "holds a scope that is not a scope token (RFC 6749 §3.3, no comma)")),
    64,
  ),
  v.check(unique, "names a scope twice"),
);

const addresses = listOf(
  v.pipe(
    v.string(),
    v.check((range) => parseRange(range) !== null, "must be IPv4 or IPv6 addresses or CIDR ranges"),
    v.transform((range) => parseRange(range) ?? range),
  ),
  64,
);

export const limitName = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9_-]{0,39}$/, "must be a word like per-minute: a to z, 0 to 9, - and _"),
);
export const permits = wholeNumber(1, 1_000_000_000);
export const windowSeconds = wholeNumber(1, 31 * 86_400);
export const uniqueNames = (limits: readonly { name: string }[]) => unique(limits.map((limit) => limit.name));

const keyLimits = v.pipe(
  listOf(
    v.pipe(
      v.strictObject({ name: limitName, limit: permits, window_seconds: windowSeconds }),
      v.transform(({ name, limit, window_seconds }) => ({ name, limit, windowSeconds: window_seconds })),
    ),
    8,
  ),
  v.check((limits) => uniqueNames(limits), "names a limit twice"),
);

/** What jsonb refuses, in a name or a value at any depth. */
function isStorable(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed() && !value.includes("\0");
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, inner]) => isStorable(name) && isStorable(inner));
}

/** The library's own objects and records take an array for one. */
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const metadata = v.pipe(
  v.custom<Readonly<Record<string, unknown>>>(isObject, "must be an object"),
  v.check(
    (value) => new TextEncoder().encode(JSON.stringify(value)).length <= metadataBytesMax,
    `must be ${metadataBytesMax} bytes of JSON or fewer`,
  ),
  v.check((value) => isStorable(value), "must not hold NUL or half a surrogate pair"),
);

const keyFields = {
  name: text(100),
  owner: ownerInput,
  environment: v.optional(v.picklist(["live", "test"], "must be live or test"), "live"),
  scopes: v.optional(scopes, []),
  expires_at: v.optional(v.nullable(moment), null),
  allowed_addresses: v.optional(addresses, []),
  limits: v.optional(keyLimits, []),
  metadata: v.optional(metadata, {}),
};

export const createKeyInput = v.strictObject(keyFields);

export const updateKeyInput = v.strictObject({
  name: v.optional(text(100)),
  scopes: v.optional(scopes),
  expires_at: v.optional(v.nullable(moment)),
  allowed_addresses: v.optional(addresses),
  limits: v.optional(keyLimits),
  metadata: v.optional(metadata),
  enabled: v.optional(v.boolean()),
});

export const rotateKeyInput = v.strictObject({
  overlap_seconds: v.optional(wholeNumber(0, overlapSecondsMax), 0),
  expires_at: v.optional(v.nullable(moment)),
});

/** A kid is the SHA-256 thumbprint of its key (RFC 7638 §3). */
const kid = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{43}$/, "must be a kid: 43 characters, as listed and as in the key set"),
);

export const rotateSigningKeysInput = v.strictObject({ compromised: v.optional(kid) });

export const importKeysInput = v.strictObject({
  keys: v.pipe(
    listOf(
      v.strictObject({
        ...keyFields,
        sha256: v.pipe(
          v.string(),
          v.regex(/^[0-9a-f]{64}$/, "must be the SHA-256 of the whole key, 64 lower-case hex digits"),
        ),
        prefix: text(16),
      }),
      100,
    ),
    v.minLength(1, "must hold at least one key"),
    v.check((keys) => unique(keys.map((key) => key.sha256)), "holds a hash twice"),
  ),
});

export const emptyInput = v.strictObject({});

/** The body of a call: what the schema says, and an object. */
export const bodyOf = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.pipe(v.custom<unknown>(isObject, "the body must be a JSON object"), schema);

export const pageFields = {
  limit: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[1-9]\d{0,2}$/, "must be 1 to 200"),
      v.transform(Number),
      v.maxValue(200, "must be 1 to 200"),
    ),
    "50",
  ),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(200, "is no cursor of ours"))),
};

export const listKeysQuery = v.strictObject({
  ...pageFields,
  owner_type: v.optional(v.picklist(ownerTypes, `must be one of ${ownerTypes.join(", ")}`)),
  owner_id: v.optional(visibleText),
  environment: v.optional(v.picklist(["live", "test"], "must be live or test")),
});

export const listEventsQuery = v.strictObject({
  ...pageFields,
  type: v.optional(v.picklist(eventTypes, "must be a type of event")),
  actor_id: v.optional(text(1024)),
  subject_id: v.optional(text(1024)),
  request_id: v.optional(text(1024)),
  from: v.optional(moment),
  until: v.optional(moment),
});

export const emptyQuery = v.strictObject({});
