import * as v from "valibot";
import { maxAgeSecondsMax } from "../gateway/route.ts";
import { levels } from "../tokens/levels.ts";
import {
  limitName,
  listOf,
  permits,
  scopes,
  text,
  unique,
  uniqueNames,
  wholeNumber,
  windowSeconds,
} from "./input.ts";

/** The shapes of gateway routes: they parse what is sent and make the OpenAPI document. */

const hostname = v.pipe(
  v.string(),
  v.toLowerCase(),
  v.regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be a hostname like api.example.com",
  ),
);
const path = v.pipe(
  text(200),
  v.transform((given) => `/${given.replace(/\/\*$/, "").replace(/^\/+|\/+$/g, "")}`),
  v.regex(/^\/[A-Za-z0-9._~/-]*$/, "must be a path of letters, digits, and . _ ~ - /"),
  v.check((given) => !/\/\/|(^|\/)\.{1,2}(\/|$)/.test(given), "must not hold empty, . or .. segments"),
);
const origin = v.pipe(
  v.string(),
  v.check(
    (given) => URL.canParse(given) && new URL(given).origin === given,
    "must be origins like https://app.example.com",
  ),
);
const audience = v.pipe(
  v.string(),
  v.maxLength(512, "holds an audience that is too long"),
  v.check((given) => URL.canParse(given) && !given.includes("#"), "must be absolute URIs without a fragment"),
);
const routeFields = {
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be a word of a to z, 0 to 9 and -")),
  match: v.strictObject({ host: v.optional(v.nullable(hostname), null), path }),
  upstream: v.union(
    [
      v.strictObject({
        url: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,2048}$/, "must be a URL"), v.url("must be a URL")),
      }),
      v.strictObject({
        service: v.pipe(
          v.string(),
          v.regex(/^[A-Z][A-Z0-9_]{0,62}$/, "must be the name of a service binding"),
        ),
      }),
    ],
    "must be { url } or { service }",
  ),
  keep_path: v.optional(v.boolean(), false),
  credentials: v.pipe(
    listOf(
      v.picklist(
        ["api-key", "access-token", "client-certificate", "public"],
        "must be of api-key, access-token, client-certificate, public",
      ),
      4,
    ),
    v.minLength(1, "must name at least one kind of credential, or public"),
    v.check(unique, "names a kind twice"),
    v.check(
      (kinds) => !kinds.includes("public") || kinds.length === 1,
      "public stands alone: it means nobody is asked",
    ),
  ),
  scopes: v.optional(scopes, []),
  level: v.optional(
    v.nullable(
      v.pipe(
        v.picklist(levels, `must be one of ${levels.join(", ")}`),
        v.description(
          "How strongly the person behind an access token must have signed in. Keys and certificates prove no person and are not bound by it: they pass where `credentials` lists them.",
        ),
      ),
    ),
    null,
  ),
  max_age_seconds: v.optional(
    v.nullable(
      v.pipe(
        wholeNumber(1, maxAgeSecondsMax),
        v.description("How long ago that sign-in may be. Binds access tokens alone, as `level` does."),
      ),
    ),
    null,
  ),
  limits: v.optional(
    v.pipe(
      listOf(
        v.pipe(
          v.strictObject({
            name: limitName,
            limit: permits,
            window_seconds: windowSeconds,
            per: v.optional(v.picklist(["key", "owner", "address"], "must be key, owner or address"), "key"),
            when_unavailable: v.optional(
              v.picklist(["open", "closed", "local"], "must be open, closed or local"),
              "local",
            ),
          }),
          v.transform(({ name, limit, window_seconds, per, when_unavailable }) => ({
            name,
            permits: limit,
            windowSeconds: window_seconds,
            per,
            whenUnavailable: when_unavailable,
          })),
        ),
        8,
      ),
      v.check((limits) => uniqueNames(limits), "names a limit twice"),
    ),
    [],
  ),
  timeout_seconds: v.optional(wholeNumber(1, 300), 30),
  cors_origins: v.optional(listOf(origin, 32), []),
  audiences: v.optional(listOf(audience, 16), []),
  enabled: v.optional(v.boolean(), true),
};

export const createRouteInput = v.strictObject(routeFields);
export const updateRouteInput = v.partial(v.strictObject(routeFields));
