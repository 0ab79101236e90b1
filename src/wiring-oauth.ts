import type { Audit } from "./audit/audit.ts";
import type { Config } from "./env.ts";
import type { ProtectedResources } from "./gateway/protected-resources.ts";
import { createClientAuthentication } from "./oauth/authenticate-client.ts";
import { clientAuthenticationMethods } from "./oauth/client-authentication/index.ts";
import { createClientBook } from "./oauth/client-book.ts";
import { createClientStore } from "./oauth/clients.store.ts";
import { createClients } from "./oauth/clients.ts";
import { grantTypes } from "./oauth/grants/index.ts";
import { createOnceStore } from "./oauth/once.store.ts";
import { createResources } from "./oauth/resources.ts";
import { createTokenEndpoint } from "./oauth/token-endpoint.ts";
import type { RateLimits } from "./rate-limits/rate-limits.ts";
import { type Revocation, recordLifeSeconds } from "./revocation/revocation.ts";
import type { Database } from "./storage/database.ts";
import type { RedisStore } from "./storage/redis.ts";
import type { AccessTokens } from "./tokens/access-tokens.ts";

/** The provider, for `wiring.ts`. */
export async function wireOauth(sources: {
  config: Pick<Config, "issuer">;
  database: Database;
  redis: RedisStore;
  revocation: Revocation;
  rateLimits: RateLimits;
  accessTokens: AccessTokens;
  protectedResources: ProtectedResources;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { database, redis, revocation, rateLimits, accessTokens, audit, now } = sources;
  const { issuer } = sources.config;
  const clientStore = createClientStore(database);
  const book = createClientBook({
    store: clientStore,
    revocation,
    lifeMilliseconds: recordLifeSeconds * 1000,
    now,
  });
  const clients = createClients({ store: clientStore, book, revocation, audit, now });
  const clientAuthentication = createClientAuthentication({
    methods: clientAuthenticationMethods({
      audiences: [issuer, `${issuer}/oauth/token`],
      takeOnce: (await createOnceStore(redis, now)).takeOnce,
      now,
    }),
    clients,
    rateLimits,
    audit,
  });
  const resources = createResources({ issuer, routeOf: sources.protectedResources.routeOf });
  const tokenEndpoint = createTokenEndpoint({
    clientAuthentication,
    grants: grantTypes({ accessTokens, resources }),
  });
  return { clients, clientAuthentication, resources, tokenEndpoint };
}
