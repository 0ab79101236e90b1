import type { Audit } from "./audit/audit.ts";
import type { Authentication } from "./authentication/authentication.ts";
import { eventsOf } from "./authentication/refusal-event.ts";
import type { Config } from "./env.ts";
import { isLoopback } from "./http/door-checks.ts";
import type { ClientAuthentication } from "./oauth/authenticate-client.ts";
import { createAuthorization } from "./oauth/authorization.ts";
import { createBackChannelLogout } from "./oauth/back-channel-logout.ts";
import type { Clients } from "./oauth/clients.ts";
import { createCodeStore } from "./oauth/codes.store.ts";
import { createConsents } from "./oauth/consents.ts";
import { createDeviceStore } from "./oauth/device.store.ts";
import { createDeviceAuthorization } from "./oauth/device-authorization.ts";
import { createGrantStore } from "./oauth/grants.store.ts";
import { createIdTokens } from "./oauth/id-tokens.ts";
import { createLogoutClient } from "./oauth/logout.client.ts";
import { createLogout } from "./oauth/logout.ts";
import { createLogoutNoticeStore } from "./oauth/logout-notices.store.ts";
import type { Resources } from "./oauth/resources.ts";
import { createSubjects } from "./oauth/subjects.ts";
import { createUserinfo } from "./oauth/userinfo.ts";
import type { RateLimits } from "./rate-limits/rate-limits.ts";
import type { Revocation } from "./revocation/revocation.ts";
import type { SigningKeys } from "./signing-keys/signing-keys.ts";
import type { Database } from "./storage/database.ts";
import type { RefreshTokens } from "./tokens/refresh-tokens.ts";

/** What people let applications do, for `wiring-oauth.ts`. */
export function wireGrants(sources: {
  config: Pick<Config, "issuer">;
  database: Database;
  clients: Clients;
  clientAuthentication: ClientAuthentication;
  rateLimits: RateLimits;
  resources: Resources;
  signingKeys: SigningKeys;
  refreshTokens: RefreshTokens;
  authentication: Authentication;
  revocation: Pick<Revocation, "onAnnounced">;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { issuer } = sources.config;
  const codes = createCodeStore(sources.database);
  const grants = createGrantStore(sources.database);
  const devices = createDeviceStore(sources.database);
  const subjects = createSubjects({ store: grants });
  const idTokens = createIdTokens({ ...sources, issuer });
  const stores = { codes, devices, grants, subjects, idTokens };
  const rooms = {
    authorization: createAuthorization({ ...sources, ...stores }),
    deviceAuthorization: createDeviceAuthorization({ ...sources, ...stores, issuer }),
    consents: createConsents({ ...sources, store: grants }),
    userinfo: createUserinfo({ ...sources, ...stores, eventsOf, issuer }),
    backChannelLogout: createBackChannelLogout({
      ...sources,
      ...stores,
      store: createLogoutNoticeStore(sources.database),
      client: createLogoutClient({ isLocal: isLoopback(new URL(issuer).hostname) }),
      issuer,
    }),
    logout: createLogout({ ...sources, ...stores }),
    /** For the cron trigger. */
    sweepCodes: async () => {
      const at = new Date(sources.now());
      await Promise.all([codes.sweep(at), devices.sweep(at)]);
    },
  };
  sources.revocation.onAnnounced(rooms.backChannelLogout.tell);
  return { stores, rooms };
}
