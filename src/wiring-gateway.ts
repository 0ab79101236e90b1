import type { Audit } from "./audit/audit.ts";
import type { Authentication } from "./authentication/authentication.ts";
import type { Config } from "./env.ts";
import { createForwardAuth } from "./gateway/forward-auth.ts";
import { createGateway } from "./gateway/gateway.ts";
import { createIdentityTokens } from "./gateway/identity-tokens.ts";
import { createProtectedResources } from "./gateway/protected-resources.ts";
import { createRouteAdmin } from "./gateway/route-admin.ts";
import { createRouteBook } from "./gateway/route-book.ts";
import { createRouteStore } from "./gateway/store.ts";
import { callUpstream } from "./gateway/upstream.client.ts";
import { isLoopback } from "./http/door-checks.ts";
import type { Revocation } from "./revocation/revocation.ts";
import type { SigningKeys } from "./signing-keys/signing-keys.ts";
import type { Database } from "./storage/database.ts";

/** The room of the gateway and its routes, for `wiring.ts`. */
export function wireGateway(sources: {
  config: Config;
  database: Database;
  authentication: Authentication;
  revocation: Revocation;
  signingKeys: Pick<SigningKeys, "sign">;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { config, database, authentication, revocation, signingKeys, audit, now } = sources;
  const { issuer, services } = config;
  const routeStore = createRouteStore(database);
  const book = createRouteBook({ store: routeStore, revocation, now });
  const identityTokens = createIdentityTokens({
    sign: (typ, claims) => signingKeys.sign("identity", typ, claims),
    issuer,
    now,
  });
  const gateway = createGateway({
    book,
    authentication,
    identityTokens,
    issuer,
    call: callUpstream,
    bindings: services,
  });
  const forwardAuth = createForwardAuth({ gateway, authentication, identityTokens, issuer });
  const routeAdmin = createRouteAdmin({
    store: routeStore,
    book,
    revocation,
    audit,
    rules: {
      issuer,
      mayBePlainHttp: (hostname) => issuer.startsWith("http:") || isLoopback(hostname),
      services: Object.keys(services),
    },
    now,
  });
  const protectedResources = createProtectedResources({ book, issuer });
  return { gateway, forwardAuth, routeAdmin, protectedResources };
}
