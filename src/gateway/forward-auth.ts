import type { JWTPayload } from "jose";
import type { Authentication } from "../authentication/authentication.ts";
import type { Verdict } from "../authentication/principal.ts";
import type { Gateway, Visitor } from "./gateway.ts";
import { identityClaims, identityHeaders, identityTyp } from "./identity-headers.ts";
import type { RouteBook } from "./route-book.ts";
import { canonicalHost, isAmbiguousPath } from "./route-match.ts";

export type ForwardedCall = {
  readonly method: string;
  readonly uri: string;
  readonly host: string | null;
  /** The policy of a route by its name, instead of matching host and path. */
  readonly routeName: string | null;
  /** Asked for on top of the route's own. */
  readonly scopes: readonly string[];
};

export type Admission =
  | { readonly outcome: "no_route" | "ambiguous_path" | "unavailable" }
  | { readonly outcome: "refused"; readonly verdict: Verdict & { ok: false } }
  | {
      readonly outcome: "admitted";
      readonly verdict: Verdict & { ok: true };
      readonly headers: [string, string][];
    };

/**
 * The decision of the gateway for a proxy that passes the call on itself. A route is chosen by `?route=`, or by the
 * forwarded host when some route claims it; else any valid key passes, with the scopes asked for.
 */
export function createForwardAuth(options: {
  gateway: Pick<Gateway, "ownsHost" | "admit">;
  book: RouteBook;
  authentication: Authentication;
  signIdentity: (typ: string, claims: JWTPayload) => Promise<string>;
  issuer: string;
  now: () => number;
}) {
  const { gateway, book, authentication, issuer, now } = options;

  async function judge(
    call: ForwardedCall,
    headers: Headers,
    visit: Visitor,
  ): Promise<Verdict | "no_route" | "unavailable"> {
    const { routes } = call.routeName === null ? { routes: [] } : await book.routes(visit.background);
    const route = routes.find((one) => one.name === call.routeName && one.enabled);
    if (call.routeName !== null && !route) return "no_route";
    return authentication.authenticate(headers, {
      credentials: route?.credentials ?? ["api-key", "access-token", "client-certificate"],
      scopes: [...(route?.scopes ?? []), ...call.scopes],
      limits: route?.limits ?? [],
      routeId: route?.id ?? "forward-auth",
      cost: 1,
      visit,
    });
  }

  return {
    async admit(call: ForwardedCall, headers: Headers, visit: Visitor): Promise<Admission> {
      const target = new URL(call.uri, `https://${call.host ?? "forwarded.invalid"}`);
      if (isAmbiguousPath(target.pathname)) return { outcome: "ambiguous_path" };
      try {
        const verdict = await verdictFor(target, call, headers, visit);
        if (verdict === "no_route" || verdict === "unavailable") return { outcome: verdict };
        if (!verdict.ok) return { outcome: "refused", verdict };
        return { outcome: "admitted", verdict, headers: await said(verdict, target, call, visit) };
      } catch {
        return { outcome: "unavailable" };
      }
    },
  };

  async function verdictFor(
    target: URL,
    call: ForwardedCall,
    headers: Headers,
    visit: Visitor,
  ): Promise<Verdict | "no_route" | "unavailable"> {
    const hostname = canonicalHost(target.hostname);
    const isMatched =
      call.routeName === null && call.host !== null && (await gateway.ownsHost(hostname, visit.background));
    if (!isMatched) return judge(call, headers, visit);
    const admission = await gateway.admit(
      { hostname, pathname: target.pathname, isIssuer: false },
      headers,
      visit,
    );
    if (admission.outcome === "admitted" || admission.outcome === "refused") return admission.verdict;
    return admission.outcome === "no_route" ? "no_route" : "unavailable";
  }

  async function said(
    verdict: Verdict & { ok: true },
    target: URL,
    call: ForwardedCall,
    visit: Visitor,
  ): Promise<[string, string][]> {
    const claims = identityClaims(verdict.principal, {
      issuer,
      audience: call.host === null ? "forward-auth" : target.origin,
      method: call.method.toUpperCase(),
      url: target.href,
      requestId: visit.requestId,
      nowSeconds: Math.floor(now() / 1000),
    });
    const identity = await options.signIdentity(identityTyp, claims);
    return [...identityHeaders(verdict.principal, visit.requestId), ["x-gatehouse-identity", identity]];
  }
}

export type ForwardAuth = ReturnType<typeof createForwardAuth>;
