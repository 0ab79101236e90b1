import type { Authentication } from "../authentication/authentication.ts";
import type { Verdict } from "../authentication/principal.ts";
import type { Finder, Gateway, OnTop, Visitor } from "./gateway.ts";
import type { Identity, IdentityTokens } from "./identity-tokens.ts";
import type { Route } from "./route.ts";
import { canonicalHost, canonicalPath, matchRoute } from "./route-match.ts";

export type ForwardedCall = {
  readonly method: string;
  /** Path and query. */
  readonly uri: string;
  /** Host and port, as a proxy says it that overwrites what its callers say; null when nobody did. */
  readonly host: string | null;
  /** The policy of a route by its name, instead of matching host and path. */
  readonly routeName: string | null;
} & OnTop;

export type Admission =
  | { readonly outcome: "no_route" | "ambiguous_path" | "unavailable" }
  | { readonly outcome: "refused"; readonly verdict: Verdict & { ok: false } }
  | {
      readonly outcome: "admitted";
      readonly verdict: Verdict & { ok: true };
      /** Who calls, signed for the call asked about. */
      readonly identity: Identity;
    };

/** The path of a URI that no parser would change, whatever its query: letters, digits and `-_~/`. */
const plainPath = /^(\/[A-Za-z0-9_~/-]*)(?:\?[^#]*)?$/;
const nowhere = "forwarded.invalid";

function targetOf({ host, uri }: ForwardedCall): Target | null {
  const plain = host === null ? plainPath.exec(uri)?.[1] : undefined;
  const { origin, hostname, pathname } =
    plain === undefined
      ? new URL(`https://${host ?? nowhere}${uri}`)
      : { origin: `https://${nowhere}`, hostname: nowhere, pathname: plain };
  const canonical = canonicalPath(pathname);
  return canonical === null ? null : { origin, hostname, pathname: canonical };
}

type Target = { readonly origin: string; readonly hostname: string; readonly pathname: string };

/**
 * What the URL parser resolves, cuts off or turns round without a word: dots, a fragment, a tab, a backslash. The proxy
 * passes the path on as it came, so that a decision on the resolved one might be about something else.
 */
const changedByParser = /^[^?]*(?:[\\#\t]|\/(?:\.|%2e){1,2}(?:[/?]|$))/i;

/**
 * The decision of the gateway for a proxy that passes the call on itself. A route is chosen by `?route=`, or by the
 * forwarded host when some route claims it; else any valid credential passes. The scopes asked for are needed in each case.
 */
export function createForwardAuth(options: {
  gateway: Pick<Gateway, "ownsHost" | "admit">;
  authentication: Authentication;
  identityTokens: IdentityTokens;
  issuer: string;
}) {
  const { gateway, authentication, identityTokens, issuer } = options;

  /** How the route of this call is found; null when no route is meant and any valid credential will do. */
  function finderFor(
    call: ForwardedCall,
    target: Target,
    visit: Visitor,
  ): Finder | null | Promise<Finder | null> {
    const { routeName } = call;
    if (routeName === null) return call.host === null ? null : finderOfHost(target, visit);
    return (routes) => {
      const route = routes.find((one) => one.name === routeName && one.enabled);
      return route ? { route, rest: "" } : null;
    };
  }

  async function finderOfHost(target: Target, visit: Visitor): Promise<Finder | null> {
    const hostname = canonicalHost(target.hostname);
    if (!(await gateway.ownsHost(hostname, visit))) return null;
    return (routes) => matchRoute(routes, { hostname, pathname: target.pathname, isIssuer: false });
  }

  async function judge(
    call: ForwardedCall,
    target: Target,
    headers: Headers,
    visit: Visitor,
  ): Promise<Verdict | "no_route" | "unavailable"> {
    const finder = finderFor(call, target, visit);
    const find = finder instanceof Promise ? await finder : finder;
    if (!find) {
      return authentication.authenticate(headers, {
        // Where a level is asked for, no route has said that a key, which proves no person, will do as well.
        credentials: asksLevel(call) ? ["access-token"] : ["api-key", "access-token", "client-certificate"],
        scopes: call.scopes,
        levelDemands: [call],
        audiences: [issuer],
        limits: [],
        routeId: "forward-auth",
        cost: 1,
        visit,
      });
    }
    const admission = await gateway.admit(find, headers, visit, call);
    if (admission.outcome === "refused") return admission.verdict;
    if (admission.outcome !== "admitted") return admission.outcome;
    return requireProof(admission.verdict, admission.match.route, call);
  }

  return {
    async admit(call: ForwardedCall, headers: Headers, visit: Visitor): Promise<Admission> {
      const target = changedByParser.test(call.uri) ? null : targetOf(call);
      if (!target) return { outcome: "ambiguous_path" };
      try {
        const verdict = await judge(call, target, headers, visit);
        if (verdict === "no_route" || verdict === "unavailable") return { outcome: verdict };
        if (!verdict.ok) return { outcome: "refused", verdict };
        return { outcome: "admitted", verdict, identity: await identityOf(verdict, target, call) };
      } catch {
        return { outcome: "unavailable" };
      }
    },
  };

  function identityOf(
    { principal }: Verdict & { ok: true },
    target: Target,
    call: ForwardedCall,
  ): Identity | Promise<Identity> {
    return identityTokens.identityFor(principal, {
      // Anybody may ask here and name any host: never an audience that the gateway gives to an upstream.
      audience: call.host === null ? "forward-auth" : `forward-auth:${target.origin}`,
      method: call.method.toUpperCase(),
      url: `${target.origin}${target.pathname}`,
    });
  }
}

export type ForwardAuth = ReturnType<typeof createForwardAuth>;

const asksLevel = ({ level, maxAgeSeconds }: OnTop): boolean => level !== null || maxAgeSeconds !== null;

/** A public route lets in who has proved nothing, and looks at no token: what the proxy asks for on top is not proved there. */
function requireProof(verdict: Verdict & { ok: true }, { credentials }: Route, call: ForwardedCall): Verdict {
  const { principal, standings, degraded } = verdict;
  const isProved = principal.method !== "public" && !asksLevel(call);
  const isAsked = call.scopes.length > 0 || asksLevel(call);
  if (!credentials.includes("public") || isProved || !isAsked) return verdict;
  const refusal =
    principal.method === "public"
      ? ({
          code: asksLevel(call) ? "missing_credential" : "missing_api_key",
          reason: "missing_credential",
          actor: { type: "stranger", id: "" },
        } as const)
      : ({
          code: "credential_not_accepted",
          reason: "credential_not_accepted",
          actor: { type: "key", id: principal.credentialId ?? "" },
        } as const);
  return { ok: false, refusal, standings, degraded };
}
