import { createAccounts } from "./accounts/accounts.ts";
import { createBreachedPasswords } from "./accounts/breached-passwords.client.ts";
import { createChangeStore } from "./accounts/changes.store.ts";
import { createLinkStore } from "./accounts/links.store.ts";
import { createOwnerNotices } from "./accounts/owner-notices.ts";
import { policyFor } from "./accounts/password-policy.ts";
import { createPasswords } from "./accounts/passwords.ts";
import { createAccountStore } from "./accounts/store.ts";
import { networkOf } from "./api-keys/addresses.ts";
import { createApiKeys } from "./api-keys/api-keys.ts";
import { createKeyFormat } from "./api-keys/key-format.ts";
import { createLastUse } from "./api-keys/last-use.ts";
import { createRecordCache } from "./api-keys/record-cache.ts";
import { createApiKeyStore } from "./api-keys/store.ts";
import { createVerification } from "./api-keys/verification.ts";
import { createAudit, refusalsWaitMilliseconds } from "./audit/audit.ts";
import { createAuditStore } from "./audit/store.ts";
import { createAuthentication } from "./authentication/authentication.ts";
import { createKeyVerifier } from "./authentication/key-verifier.ts";
import { credentialMethods } from "./authentication/methods/index.ts";
import { createOperatorAccess } from "./authentication/operator-access.ts";
import { eventsOf } from "./authentication/refusal-event.ts";
import { deriveSecrets } from "./crypto/derived-secrets.ts";
import { createHashGate } from "./crypto/hash-gate.ts";
import { createPasswordHash } from "./crypto/password-hash.ts";
import { createSeal } from "./crypto/seal.ts";
import type { Config } from "./env.ts";
import { createReports } from "./errors/reports.ts";
import { createFormTokens } from "./http/form-tokens.ts";
import { createPageAssets } from "./http/page-assets.ts";
import { createDeviceCookies } from "./login/device-cookie.ts";
import { createLogin } from "./login/login.ts";
import { createOwnAccess } from "./login/own-access.ts";
import { createMailClient } from "./messages/mail.client.ts";
import { ageMaxMilliseconds, createMessages } from "./messages/messages.ts";
import { createSmsClient } from "./messages/sms.client.ts";
import { createMessageStore } from "./messages/store.ts";
import { createTemplates } from "./messages/templates.ts";
import { createRateLimits } from "./rate-limits/rate-limits.ts";
import { createRateLimitStore } from "./rate-limits/store.ts";
import {
  copiesLiveMilliseconds,
  createRevocation,
  laterOf,
  type Reach,
  recordLifeSeconds,
} from "./revocation/revocation.ts";
import { createRevocationStore } from "./revocation/store.ts";
import { createSessionCookies } from "./sessions/session-cookie.ts";
import { createSessions } from "./sessions/sessions.ts";
import { createSessionStore } from "./sessions/store.ts";
import { createSigningKeys } from "./signing-keys/signing-keys.ts";
import { createSigningKeyStore } from "./signing-keys/store.ts";
import { createDatabase } from "./storage/database.ts";
import { createRedis } from "./storage/redis.ts";
import { firstPartyClient } from "./tokens/access-token.ts";
import { createAccessTokens } from "./tokens/access-tokens.ts";
import { levelOfSignIn } from "./tokens/level-policy.ts";
import { absoluteSeconds, idleSeconds } from "./tokens/refresh-family.ts";
import { createRefreshFormat } from "./tokens/refresh-format.ts";
import { createRefreshTokens } from "./tokens/refresh-tokens.ts";
import { createRefreshStore } from "./tokens/store.ts";
import { createTokenCheck } from "./tokens/token-check.ts";
import { wireFactors } from "./wiring-factors.ts";
import { wireGateway } from "./wiring-gateway.ts";
import { wireOauth } from "./wiring-oauth.ts";

export type WiringOptions = {
  /** Argon2, compiled at deployment: only the entry may import a module of it. */
  readonly argon2: WebAssembly.Module;
  /** What a test may take into its own hands; production takes none of it. */
  readonly now?: () => number;
  /** Settles when refusals that are counted together have waited long enough. */
  readonly waitForRefusals?: () => Promise<void>;
  readonly redisDeadlineMilliseconds?: () => number;
};

const waitOneSpan = () => new Promise<void>((resolve) => setTimeout(resolve, refusalsWaitMilliseconds));

/** The only place where rooms meet: once for an isolate, from the ground up. */
export async function wire(config: Config, options: WiringOptions) {
  const now = options.now ?? (() => Date.now());
  const { issuer, levelPolicy } = config;
  const database = createDatabase(config.databaseUrl);
  const redis = createRedis({
    url: config.redisUrl,
    token: config.redisToken,
    now,
    ...(options.redisDeadlineMilliseconds && { deadlineMilliseconds: options.redisDeadlineMilliseconds }),
  });

  const audit = createAudit({
    store: await createAuditStore({ database, redis }),
    now,
    lastResort: (event) => console.error(JSON.stringify({ message: "audit event not stored", event })),
    wait: options.waitForRefusals ?? waitOneSpan,
  });
  const messages = createMessages({
    client: config.mail && createMailClient(config.mail),
    sms: config.sms && createSmsClient(config.sms),
    issuer,
    store: await createMessageStore({ redis, lifeMilliseconds: 2 * ageMaxMilliseconds }),
    templates: createTemplates({ issuer: config.issuer }),
    seal: createSeal(config.keyEncryptionKeys),
    audit,
    now,
  });
  const revocation = createRevocation({
    store: await createRevocationStore({ database, redis }),
    boundSeconds: config.revocationBoundSeconds,
    now,
  });
  const signingKeys = createSigningKeys({
    store: createSigningKeyStore(database),
    seal: createSeal(config.keyEncryptionKeys),
    audit,
    revocation,
    now,
  });
  const rateLimits = createRateLimits({ store: await createRateLimitStore(redis), now });

  const passwordPolicy = policyFor(
    config.issuer,
    config.levelPolicy.everyone !== null && config.levelPolicy.everyone !== "one-factor",
  );
  const accountStore = createAccountStore(database);
  const tellOwner = createOwnerNotices({ store: accountStore, messages });
  const accessTokens = createAccessTokens({
    signingKeys,
    issuer: config.issuer,
    accessTokenSeconds: config.accessTokenSeconds,
    now,
  });
  const tokenCheck = createTokenCheck({ signingKeys, revocation, rateLimits, issuer, levelPolicy, now });
  const refreshTokens = createRefreshTokens({
    store: createRefreshStore(database),
    format: await createRefreshFormat(await deriveSecrets(config.keyEncryptionKeys, "refresh tokens")),
    accessTokens,
    revocation,
    audit,
    graceSeconds: config.refreshGraceSeconds,
    now,
    tellOwner: ({ accountId, at, origin }, background) => {
      const done = { at, address: origin.address, country: origin.country };
      tellOwner(accountId, { template: "sign-in-replayed", done }, background);
    },
  });

  const accounts = createAccounts({
    store: accountStore,
    links: createLinkStore(database),
    changes: createChangeStore(database),
    passwords: createPasswords({
      hash: createPasswordHash({
        argon2: options.argon2,
        peppers: config.passwordPeppers,
        gate: createHashGate({ now }),
      }),
      breached:
        config.breachedPasswordsUrl === null ? null : createBreachedPasswords(config.breachedPasswordsUrl),
      policy: passwordPolicy,
    }),
    messages,
    rateLimits,
    revocation,
    audit,
    now,
  });

  const apiKeyStore = createApiKeyStore(database);
  const keyFormat = await createKeyFormat(config.apiKeyTagSecrets);
  const verification = createVerification({
    format: keyFormat,
    store: apiKeyStore,
    cache: createRecordCache({ lifeMilliseconds: recordLifeSeconds * 1000, now }),
    revocation,
    rateLimits,
    lastUse: createLastUse({ store: apiKeyStore, now }),
    importedKeyPrefixes: config.importedKeyPrefixes,
    now,
  });
  const apiKeys = createApiKeys({
    store: apiKeyStore,
    format: keyFormat,
    revocation,
    audit,
    importedKeyPrefixes: config.importedKeyPrefixes,
    leakPolicy: config.leakPolicy,
    forget: verification.forget,
    copiesLiveMilliseconds,
    now,
  });

  const mfa = await wireFactors({ config, database, messages, rateLimits, audit, tellOwner, now });

  /** A person who is gone has no keys either, and they go first: what fails in between can be asked for again. */
  const remove: typeof accounts.remove = async (accountId, password, operator) => {
    const reaches: Reach[] = [];
    const removed = await accounts.remove(accountId, password, operator, async () => {
      reaches.push((await apiKeys.revokeOfOwner({ type: "user", id: accountId }, operator)).reach);
    });
    if (removed.ok) operator.background(mfa.forget(accountId).catch(() => undefined));
    return removed.ok && reaches[0] ? { ok: true, reach: laterOf(removed.reach, reaches[0]) } : removed;
  };

  const authentication = createAuthentication({
    methods: credentialMethods({ verification, tokenCheck }),
    rateLimits,
    revocation,
  });
  const keyVerifier = createKeyVerifier({ verification, audit, networkOf });
  const operatorAccess = createOperatorAccess({
    authentication,
    audit,
    limitOf: (name) => rateLimits.demandOf(name, "").limit,
  });

  const secretsFor = (use: string) => deriveSecrets(config.keyEncryptionKeys, use);
  const sessions = createSessions({
    store: createSessionStore(database),
    cookies: await createSessionCookies(await secretsFor("session cookies")),
    refreshTokens,
    accessTokens,
    revocation,
    audit,
    issuer: config.issuer,
    clientId: firstPartyClient,
    idleSeconds,
    absoluteSeconds,
    now,
  });
  const login = createLogin({
    accounts,
    sessions,
    mfa,
    levelRequired: ({ scopes }) => levelOfSignIn(config.levelPolicy, scopes),
    deviceCookies: await createDeviceCookies(await secretsFor("device cookies")),
    messages,
    rateLimits,
    now,
  });
  const ownAccess = createOwnAccess({
    authentication,
    audit,
    eventsOf,
    limitOf: (name) => rateLimits.demandOf(name, "").limit,
    issuer: config.issuer,
    clientId: firstPartyClient,
  });

  const basis = { config, database, audit, revocation, signingKeys, now };
  const gatewayRooms = wireGateway({ ...basis, authentication });
  const oauth = await wireOauth({
    ...basis,
    ...gatewayRooms,
    redis,
    rateLimits,
    accessTokens,
    tokenCheck,
    refreshTokens,
    accounts,
    authentication,
  });

  return {
    config,
    now,
    reports: createReports({ write: (line) => console.error(line), now }),
    database,
    redis,
    audit,
    messages,
    signingKeys,
    revocation,
    rateLimits,
    accounts: { ...accounts, remove },
    tellOwner,
    accessTokens,
    refreshTokens,
    tokenCheck,
    sessions,
    mfa,
    login,
    formTokens: await createFormTokens({ secrets: await secretsFor("form tokens"), now }),
    pageAssets: await createPageAssets(config.brand.accent),
    passwordLengthMin: passwordPolicy.lengthMin,
    ownAccess,
    apiKeys,
    authentication,
    keyVerifier,
    operatorAccess,
    ...gatewayRooms,
    ...oauth,
  };
}

export type Rooms = Awaited<ReturnType<typeof wire>>;
