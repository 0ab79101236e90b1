import type { RouteLimit } from "../authentication/methods/method.ts";
import type { CredentialKind } from "../authentication/principal.ts";
import type { Level } from "../tokens/levels.ts";

export type Upstream =
  | { readonly kind: "url"; readonly url: string }
  /** A service binding of this Worker, by its name. */
  | { readonly kind: "service"; readonly service: string };

export type Route = {
  readonly id: string;
  readonly name: string;
  /** A whole hostname, or null for `/gateway/…` under the issuer. */
  readonly host: string | null;
  /** Begins with `/`, has no trailing one; `/` matches everything. */
  readonly path: string;
  readonly upstream: Upstream;
  /** False: the matched prefix is cut off before the rest is joined to the upstream's path. */
  readonly keepPath: boolean;
  readonly credentials: readonly (CredentialKind | "public")[];
  readonly scopes: readonly string[];
  /** How strongly the person behind a token must have signed in, and how long ago at the most; null: it does not matter. */
  readonly level: Level | null;
  readonly maxAgeSeconds: number | null;
  readonly limits: readonly RouteLimit[];
  /** Until the upstream's first byte. */
  readonly timeoutSeconds: number;
  readonly corsOrigins: readonly string[];
  /** Audiences of the tokens it takes; empty: its own public URL and the issuer. */
  readonly audiences: readonly string[];
  readonly enabled: boolean;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** How long ago a sign-in may be that a route asks to be recent. */
export const maxAgeSecondsMax = 30 * 86_400;

/** All routes are one snapshot in each isolate: a bound keeps that true. */
export const routesMax = 1000;

export const gatewayPrefix = "/gateway";

/** Where clients reach a route; its identifier as a protected resource (RFC 8707 §2). */
export const publicUrlOf = (route: Pick<Route, "host" | "path">, issuer: string): string =>
  (route.host ? `https://${route.host}${route.path}` : `${issuer}${gatewayPrefix}${route.path}`).replace(
    /\/$/,
    "",
  );

export const isSameRoute = (one: Route | null | undefined, other: Route | null | undefined): boolean =>
  one?.id === other?.id && one?.version === other?.version;

/** Whether a verdict under one version of a route stands under another: what changed was not asked about. */
export function asksTheSame(one: Route | null, other: Route): boolean {
  const asked = ({ id, host, path, credentials, scopes, level, maxAgeSeconds, limits, audiences }: Route) =>
    JSON.stringify([id, host, path, credentials, scopes, level, maxAgeSeconds, limits, audiences]);
  return one !== null && asked(one) === asked(other);
}
