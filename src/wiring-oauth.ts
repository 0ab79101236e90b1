import type { Accounts } from "./accounts/accounts.ts";
import type { Audit } from "./audit/audit.ts";
import type { Authentication } from "./authentication/authentication.ts";
import { deriveSecrets } from "./crypto/derived-secrets.ts";
import type { Config } from "./env.ts";
import type { ProtectedResources } from "./gateway/protected-resources.ts";
import { createAssertions } from "./oauth/assertions.ts";
import { type ClientAuthentication, createClientAuthentication } from "./oauth/authenticate-client.ts";
import { clientAuthenticationMethods } from "./oauth/client-authentication/index.ts";
import { createClientBook } from "./oauth/client-book.ts";
import { createClientStore } from "./oauth/clients.store.ts";
import { createClients } from "./oauth/clients.ts";
import { grantTypes } from "./oauth/grants/index.ts";
import { createIntrospection } from "./oauth/introspection.ts";
import { discoveryOf } from "./oauth/metadata.ts";
import { createOnceStore } from "./oauth/once.store.ts";
import { createResources } from "./oauth/resources.ts";
import { createTokenEndpoint } from "./oauth/token-endpoint.ts";
import { createTokenRevocation } from "./oauth/token-revocation.ts";
import type { RateLimits } from "./rate-limits/rate-limits.ts";
import { type Revocation, recordLifeSeconds } from "./revocation/revocation.ts";
import type { SigningKeys } from "./signing-keys/signing-keys.ts";
import type { Database } from "./storage/database.ts";
import type { RedisStore } from "./storage/redis.ts";
import { lifeSecondsMax } from "./tokens/access-token.ts";
import type { AccessTokens } from "./tokens/access-tokens.ts";
import { createFamilyStore } from "./tokens/families.store.ts";
import { absoluteSeconds, idleSeconds } from "./tokens/refresh-family.ts";
import { createRefreshFormat } from "./tokens/refresh-format.ts";
import { createRefreshInspection } from "./tokens/refresh-inspection.ts";
import type { RefreshTokens } from "./tokens/refresh-tokens.ts";
import type { TokenCheck } from "./tokens/token-check.ts";
import { wireGrants } from "./wiring-grants.ts";

const lifetimes = { idleSeconds, absoluteSeconds, accessTokenSecondsMax: lifeSecondsMax };

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
  readonly authentication: Authentication;
  readonly accounts: Accounts;
  readonly protectedResources: ProtectedResources;
  readonly audit: Pick<Audit, "record">;
  readonly now: () => number;
};

/** The provider, for `wiring.ts`. */
export async function wireOauth(sources: Sources) {
  const { tokenCheck, refreshTokens } = sources;
  const { issuer } = sources.config;
  const { clients, clientAuthentication, authenticationMethods, assertions } = await wireClients(sources);
  const resources = createResources({ issuer, routeOf: sources.protectedResources.routeOf });
  const people = wireGrants({ ...sources, clients, clientAuthentication, resources });
  const grants = grantTypes({ ...sources, ...people.stores, assertions, resources, issuer, lifetimes });
  return {
    clients,
    clientAuthentication,
    resources,
    tokenEndpoint: createTokenEndpoint({ clientAuthentication, grants }),
    introspection: await wireIntrospection(sources, clientAuthentication),
    tokenRevocation: createTokenRevocation({ clientAuthentication, tokenCheck, refreshTokens }),
    discovery: discoveryOf({ issuer, grants, authenticationMethods }),
    ...people.rooms,
  };
}

/** Who the clients are, and how they prove it. */
async function wireClients({ config, database, redis, revocation, rateLimits, audit, now }: Sources) {
  const store = createClientStore(database);
  const book = createClientBook({ store, revocation, lifeMilliseconds: recordLifeSeconds * 1000, now });
  const clients = createClients({ store, book, revocation, audit, now });
  const { takeOnce } = await createOnceStore(redis, now);
  const audiences = [config.issuer, `${config.issuer}/oauth/token`];
  const assertions = createAssertions({ audiences, takeOnce, now });
  const authenticationMethods = clientAuthenticationMethods({ assertions, now });
  const clientAuthentication = createClientAuthentication({
    methods: authenticationMethods,
    clients,
    rateLimits,
    audit,
  });
  return { clients, clientAuthentication, authenticationMethods, assertions };
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
