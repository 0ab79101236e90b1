import type { Audit } from "./audit/audit.ts";
import type { Authentication } from "./authentication/authentication.ts";
import type { Config } from "./env.ts";
import type { ProtectedResources } from "./gateway/protected-resources.ts";
import { createClientAuthentication } from "./oauth/authenticate-client.ts";
import { clientAuthenticationMethods } from "./oauth/client-authentication/index.ts";
import { createClientBook } from "./oauth/client-book.ts";
import { createClientStore } from "./oauth/clients.store.ts";
import { createClients } from "./oauth/clients.ts";
import { grantTypes } from "./oauth/grants/index.ts";
import { discoveryOf } from "./oauth/metadata.ts";
import { createOnceStore } from "./oauth/once.store.ts";
import { createResources } from "./oauth/resources.ts";
import { createTokenEndpoint } from "./oauth/token-endpoint.ts";
import type { RateLimits } from "./rate-limits/rate-limits.ts";
import { type Revocation, recordLifeSeconds } from "./revocation/revocation.ts";
import type { SigningKeys } from "./signing-keys/signing-keys.ts";
import type { Database } from "./storage/database.ts";
import type { RedisStore } from "./storage/redis.ts";
import { lifeSecondsMax } from "./tokens/access-token.ts";
import type { AccessTokens } from "./tokens/access-tokens.ts";
import { absoluteSeconds, idleSeconds } from "./tokens/refresh-family.ts";
import type { RefreshTokens } from "./tokens/refresh-tokens.ts";
import { wireGrants } from "./wiring-grants.ts";

const lifetimes = { idleSeconds, absoluteSeconds, accessTokenSecondsMax: lifeSecondsMax };

/** The provider, for `wiring.ts`. */
export async function wireOauth(sources: {
  config: Pick<Config, "issuer">;
  database: Database;
  redis: RedisStore;
  revocation: Revocation;
  rateLimits: RateLimits;
  accessTokens: AccessTokens;
  refreshTokens: RefreshTokens;
  signingKeys: SigningKeys;
  authentication: Authentication;
  protectedResources: ProtectedResources;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { database, redis, revocation, rateLimits, audit, now } = sources;
  const { issuer } = sources.config;
  const clientStore = createClientStore(database);
  const book = createClientBook({
    store: clientStore,
    revocation,
    lifeMilliseconds: recordLifeSeconds * 1000,
    now,
  });
  const clients = createClients({ store: clientStore, book, revocation, audit, now });
  const authenticationMethods = clientAuthenticationMethods({
    audiences: [issuer, `${issuer}/oauth/token`],
    takeOnce: (await createOnceStore(redis, now)).takeOnce,
    now,
  });
  const clientAuthentication = createClientAuthentication({
    methods: authenticationMethods,
    clients,
    rateLimits,
    audit,
  });
  const resources = createResources({ issuer, routeOf: sources.protectedResources.routeOf });
  const people = wireGrants({ ...sources, clients, resources });
  const grants = grantTypes({ ...sources, ...people.stores, resources, issuer, lifetimes });
  const tokenEndpoint = createTokenEndpoint({ clientAuthentication, grants });
  const discovery = discoveryOf({ issuer, grants, authenticationMethods });
  return { clients, clientAuthentication, resources, tokenEndpoint, discovery, ...people.rooms };
}
