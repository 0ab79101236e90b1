import type { Audit } from "./audit/audit.ts";
import type { Authentication } from "./authentication/authentication.ts";
import { eventsOf } from "./authentication/refusal-event.ts";
import type { Config } from "./env.ts";
import { createAuthorization } from "./oauth/authorization.ts";
import type { Clients } from "./oauth/clients.ts";
import { createCodeStore } from "./oauth/codes.store.ts";
import { createConsents } from "./oauth/consents.ts";
import { createGrantStore } from "./oauth/grants.store.ts";
import { createIdTokens } from "./oauth/id-tokens.ts";
import { createLogout } from "./oauth/logout.ts";
import type { Resources } from "./oauth/resources.ts";
import { createSubjects } from "./oauth/subjects.ts";
import { createUserinfo } from "./oauth/userinfo.ts";
import type { SigningKeys } from "./signing-keys/signing-keys.ts";
import type { Database } from "./storage/database.ts";
import type { RefreshTokens } from "./tokens/refresh-tokens.ts";

/** What people let applications do, for `wiring-oauth.ts`. */
export function wireGrants(sources: {
  config: Pick<Config, "issuer">;
  database: Database;
  clients: Clients;
  resources: Resources;
  signingKeys: SigningKeys;
  refreshTokens: RefreshTokens;
  authentication: Authentication;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { issuer } = sources.config;
  const codes = createCodeStore(sources.database);
  const grants = createGrantStore(sources.database);
  const subjects = createSubjects({ store: grants });
  const idTokens = createIdTokens({ ...sources, issuer });
  const stores = { codes, grants, subjects, idTokens };
  const rooms = {
    authorization: createAuthorization({ ...sources, ...stores }),
    consents: createConsents({ ...sources, store: grants }),
    userinfo: createUserinfo({ ...sources, ...stores, eventsOf, issuer }),
    logout: createLogout({ ...sources, ...stores }),
    /** For the cron trigger. */
    sweepCodes: () => codes.sweep(new Date(sources.now())),
  };
  return { stores, rooms };
}
