import type { Audit, Background } from "../audit/audit.ts";
import type { Origin, Party } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Reach, Revocation } from "../revocation/revocation.ts";
import { type Route, routesMax } from "./route.ts";
import type { RouteBook } from "./route-book.ts";
import type { ChangedRoute, RouteDraft, RouteStore } from "./store.ts";

type Operator = { readonly actor: Party; readonly origin: Origin; readonly background: Background };

/** What an upstream may be: HTTPS anywhere, plain HTTP only on this machine or beside a local Gatehouse, never Gatehouse itself. */
export type UpstreamRules = {
  readonly issuer: string;
  readonly mayBePlainHttp: (hostname: string) => boolean;
  readonly services: readonly string[];
};

/** Gateway routes as rows: made, changed and removed, and told to the edges like any other change. */
export function createRouteAdmin(options: {
  store: RouteStore;
  book: Pick<RouteBook, "forget">;
  revocation: Pick<Revocation, "announceNow">;
  audit: Pick<Audit, "record">;
  rules: UpstreamRules;
  now: () => number;
}) {
  const { store, book, revocation, audit, rules, now } = options;

  async function spread(
    changed: ChangedRoute,
    type: "route.created" | "route.updated" | "route.deleted",
    operator: Operator,
  ): Promise<Reach> {
    book.forget();
    const { actor, origin, background } = operator;
    const subject = { type: "route", id: changed.route.id } as const;
    audit.record({ type, outcome: "done", reason: null, actor, subject, origin }, background);
    return revocation.announceNow([changed.noted], background);
  }

  async function get(id: string): Promise<Route> {
    const route = await store.find(id);
    if (!route) throw new AuthError("not_found", "no route has this id");
    return route;
  }

  const taken = () =>
    new AuthError("conflict", "a route with this name, or with this host and path, exists already");

  return {
    get,
    list: (): Promise<Route[]> => store.list(),

    async create(draft: RouteDraft, operator: Operator): Promise<{ route: Route; reach: Reach }> {
      requireMeaning(draft);
      requireUpstream(draft, rules);
      const changed = await store.insert(`rte_${randomBase62(22)}`, draft, new Date(now()));
      if (changed === "taken") throw taken();
      if (changed === "full")
        throw new AuthError("conflict", `there are ${routesMax} routes, and no more can be made; delete one`);
      return { route: changed.route, reach: await spread(changed, "route.created", operator) };
    },

    async update(
      id: string,
      edits: Partial<RouteDraft>,
      operator: Operator,
    ): Promise<{ route: Route; reach: Reach }> {
      const { version, ...current } = await get(id);
      const draft = { ...current, ...edits };
      requireMeaning(draft);
      requireUpstream(draft, rules);
      const changed = await store.replace(id, version, draft, new Date(now()));
      if (!changed) {
        if ((await get(id)).version !== version)
          throw new AuthError("conflict", "the route changed meanwhile; try again");
        throw taken();
      }
      return { route: changed.route, reach: await spread(changed, "route.updated", operator) };
    },

    async remove(id: string, operator: Operator): Promise<Reach> {
      const changed = await store.delete(id, new Date(now()));
      if (!changed) throw new AuthError("not_found", "no route has this id");
      return spread(changed, "route.deleted", operator);
    },
  };
}

export type RouteAdmin = ReturnType<typeof createRouteAdmin>;

/** A demand that nobody would check is refused, so that no operator believes in it. */
function requireMeaning({ credentials, scopes, level, maxAgeSeconds }: RouteDraft): void {
  if (credentials.includes("public") && scopes.length > 0)
    throw new AuthError("invalid_request", "scopes: public asks nobody; leave scopes out");
  if (credentials.includes("access-token")) return;
  const nobody = "binds access tokens, and this route takes none";
  if (level !== null) throw new AuthError("invalid_request", `level: ${nobody}`);
  if (maxAgeSeconds !== null) throw new AuthError("invalid_request", `max_age_seconds: ${nobody}`);
}

function requireUpstream({ upstream, host }: RouteDraft, rules: UpstreamRules): void {
  const issuer = new URL(rules.issuer);
  if (host === issuer.hostname)
    throw new AuthError("invalid_request", "match.host: is the issuer's own host; leave it out");
  if (upstream.kind === "service") {
    if (rules.services.includes(upstream.service)) return;
    throw new AuthError(
      "invalid_request",
      "upstream.service: this Worker has no service binding of that name",
    );
  }
  const url = new URL(upstream.url);
  const isPlain = url.protocol === "http:" && rules.mayBePlainHttp(url.hostname);
  if (url.protocol !== "https:" && !isPlain)
    throw new AuthError("invalid_request", "upstream.url: must be an https URL");
  if (url.username || url.password)
    throw new AuthError("invalid_request", "upstream.url: must not hold a credential");
  if (url.search || url.hash)
    throw new AuthError("invalid_request", "upstream.url: must not hold a query or fragment");
  if (url.host === issuer.host)
    throw new AuthError("invalid_request", "upstream.url: is Gatehouse itself; that would loop");
}
