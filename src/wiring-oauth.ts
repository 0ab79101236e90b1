import type { Audit } from "./audit/audit.ts";
import { deriveSecrets } from "./crypto/derived-secrets.ts";
import type { Config } from "./env.ts";
import type { ProtectedResources } from "./gateway/protected-resources.ts";
import { type ClientAuthentication, createClientAuthentication } from "./oauth/authenticate-client.ts";
import { clientAuthenticationMethods } from "./oauth/client-authentication/index.ts";
import { createClientBook } from "./oauth/client-book.ts";
import { createClientStore } from "./oauth/clients.store.ts";
import { createClients } from "./oauth/clients.ts";
import { grantTypes } from "./oauth/grants/index.ts";
import { createIntrospection } from "./oauth/introspection.ts";
import { createOnceStore } from "./oauth/once.store.ts";
import { createResources } from "./oauth/resources.ts";
import { createTokenEndpoint } from "./oauth/token-endpoint.ts";
import { createTokenRevocation } from "./oauth/token-revocation.ts";
import type { RateLimits } from "./rate-limits/rate-limits.ts";
import { type Revocation, recordLifeSeconds } from "./revocation/revocation.ts";
import type { SigningKeys } from "./signing-keys/signing-keys.ts";
import type { Database } from "./storage/database.ts";
import type { RedisStore } from "./storage/redis.ts";
import type { AccessTokens } from "./tokens/access-tokens.ts";
import { createFamilyStore } from "./tokens/families.store.ts";
import { createRefreshFormat } from "./tokens/refresh-format.ts";
import { createRefreshInspection } from "./tokens/refresh-inspection.ts";
import type { RefreshTokens } from "./tokens/refresh-tokens.ts";
import type { TokenCheck } from "./tokens/token-check.ts";

type Sources = {
  readonly config: Pick<Config, "issuer" | "keyEncryptionKeys">;
  readonly database: Database;
  readonly redis: RedisStore;
  readonly revocation: Revocation;
  readonly rateLimits: RateLimits;
  readonly signingKeys: SigningKeys;
  readonly accessTokens: AccessTokens;
  readonly tokenCheck: TokenCheck;
  readonly refreshTokens: RefreshTokens;
  readonly protectedResources: ProtectedResources;
  readonly audit: Pick<Audit, "record">;
  readonly now: () => number;
};

/** The provider, for `wiring.ts`. */
export async function wireOauth(sources: Sources) {
  const { tokenCheck, refreshTokens, accessTokens } = sources;
  const { clients, clientAuthentication } = await wireClients(sources);
  const resources = createResources({
    issuer: sources.config.issuer,
    routeOf: sources.protectedResources.routeOf,
  });
  const tokenEndpoint = createTokenEndpoint({
    clientAuthentication,
    grants: grantTypes({ accessTokens, resources }),
  });
  const introspection = await wireIntrospection(sources, clientAuthentication);
  const tokenRevocation = createTokenRevocation({ clientAuthentication, tokenCheck, refreshTokens });
  return { clients, clientAuthentication, resources, tokenEndpoint, introspection, tokenRevocation };
}

/** Who the clients are, and how they prove it. */
async function wireClients({ config, database, redis, revocation, rateLimits, audit, now }: Sources) {
  const store = createClientStore(database);
  const book = createClientBook({ store, revocation, lifeMilliseconds: recordLifeSeconds * 1000, now });
  const clients = createClients({ store, book, revocation, audit, now });
  const { takeOnce } = await createOnceStore(redis, now);
  const audiences = [config.issuer, `${config.issuer}/oauth/token`];
  const clientAuthentication = createClientAuthentication({
    methods: clientAuthenticationMethods({ audiences, takeOnce, now }),
    clients,
    rateLimits,
    audit,
  });
  return { clients, clientAuthentication };
}

async function wireIntrospection(sources: Sources, clientAuthentication: ClientAuthentication) {
  const { config, database, signingKeys, tokenCheck, now } = sources;
  const refreshSecrets = await deriveSecrets(config.keyEncryptionKeys, "refresh tokens");
  const refreshInspection = createRefreshInspection({
    store: createFamilyStore(database),
    format: await createRefreshFormat(refreshSecrets),
    now,
  });
  return createIntrospection({
    clientAuthentication,
    tokenCheck,
    refreshInspection,
    signingKeys,
    issuer: config.issuer,
    now,
  });
}
