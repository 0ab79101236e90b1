import type { Account } from "../accounts/account.ts";
import type { KeyRecord } from "../api-keys/record.ts";
import { refusalOf } from "../api-keys/record.ts";
import type { StoredEvent } from "../audit/events.ts";
import type { Route } from "../gateway/route.ts";
import type { FactorShown } from "../mfa/factor.ts";
import type { Reach } from "../revocation/revocation.ts";
import type { SessionShown } from "../sessions/session.ts";
import type { KeyShown } from "../signing-keys/rotation.ts";
import type { Timeline } from "../signing-keys/timeline.ts";

/** Objects as the wire shows them: snake_case, RFC 3339 times, never a secret or its hash. */

const time = (at: Date | null): string | null => at?.toISOString() ?? null;

export const keyView = (record: KeyRecord, now: number) => ({
  id: record.id,
  name: record.name,
  owner: record.owner,
  environment: record.environment,
  prefix: record.displayPrefix,
  status: statusOf(record, now),
  enabled: record.enabled,
  scopes: record.scopes,
  allowed_addresses: record.allowedAddresses,
  limits: record.limits.map(({ name, limit, windowSeconds }) => ({
    name,
    limit,
    window_seconds: windowSeconds,
  })),
  metadata: record.metadata,
  imported: record.imported,
  replaces: record.replaces,
  replaced_by: record.replacedBy,
  created_by: record.createdBy,
  created_at: time(record.createdAt),
  updated_at: time(record.updatedAt),
  expires_at: time(record.expiresAt),
  revoked_at: time(record.revokedAt),
  deleted_at: time(record.deletedAt),
  exposed_at: time(record.exposedAt),
  last_used: lastUseView(record),
});

/** Minute grain; null when the key was never used. */
export const lastUseView = (record: KeyRecord) =>
  record.lastUsedAt && {
    at: time(record.lastUsedAt),
    address: record.lastUsedAddress,
    country: record.lastUsedCountry,
  };

function statusOf(record: KeyRecord, now: number): string {
  const refusal = refusalOf(record, now);
  if (refusal) return refusal;
  return record.replacedBy ? "replaced" : "active";
}

export const reachView = (reach: Reach) => ({
  effective_everywhere_by: time(reach.effectiveEverywhereBy),
  ...(reach.announced ? {} : { propagation: "delayed" }),
});

export const routeView = (route: Route, publicUrl: string) => ({
  id: route.id,
  name: route.name,
  match: { host: route.host, path: route.path },
  upstream: route.upstream.kind === "url" ? { url: route.upstream.url } : { service: route.upstream.service },
  public_url: publicUrl,
  keep_path: route.keepPath,
  credentials: route.credentials,
  scopes: route.scopes,
  level: route.level,
  max_age_seconds: route.maxAgeSeconds,
  limits: route.limits.map((limit) => ({
    name: limit.name,
    limit: limit.permits,
    window_seconds: limit.windowSeconds,
    per: limit.per,
    when_unavailable: limit.whenUnavailable,
  })),
  timeout_seconds: route.timeoutSeconds,
  cors_origins: route.corsOrigins,
  audiences: route.audiences,
  enabled: route.enabled,
  created_at: time(route.createdAt),
  updated_at: time(route.updatedAt),
});

export const signingKeyView = (key: KeyShown) => ({
  kid: key.kid,
  purpose: key.purpose,
  algorithm: key.algorithm,
  state: key.state,
  /** False: its private half is destroyed, or sealed under a master key that is not among KEY_ENCRYPTION_KEYS. */
  private_key_readable: key.canSign,
  published_at: time(key.publishedAt),
  signs_from: time(key.signsFrom),
  signs_until: time(key.signsUntil),
  published_until: time(key.publishedUntil),
  killed_at: time(key.killedAt),
});

export const timelineView = ({ killed, signing, leaving }: Timeline) => ({
  killed: killed && {
    kid: killed.kid,
    purpose: killed.purpose,
    algorithm: killed.algorithm,
    killed_at: time(killed.killedAt),
    ...reachView(killed.reach),
    /** What it signed is refused here by then; a verifier that knows nothing but the key set may trust it until this. */
    trusted_elsewhere_until: time(killed.trustedElsewhereUntil),
  },
  signing: signing.map((key) => ({
    kid: key.kid,
    purpose: key.purpose,
    algorithm: key.algorithm,
    signs_from: time(key.signsFrom),
    may_be_refused_until: time(key.mayBeRefusedUntil),
  })),
  leaving: leaving.map((key) => ({
    kid: key.kid,
    purpose: key.purpose,
    algorithm: key.algorithm,
    signs_until: time(key.signsUntil),
    published_until: time(key.publishedUntil),
  })),
});

export const userView = (account: Account) => ({
  id: account.id,
  /** Null once the account is deleted. */
  email: account.state === "deleted" ? null : account.email,
  scopes: account.scopes,
  state: account.state,
  created_at: time(account.createdAt),
  last_signed_in_at: time(account.lastSignedInAt),
  password_changed_at: time(account.passwordChangedAt),
  /** The kinds that are asked for at sign-in; recovery codes only stand in for them. */
  second_factors: account.factorKinds,
});

export const factorView = (factor: FactorShown) => ({
  id: factor.id,
  kind: factor.kind,
  name: factor.name,
  created_at: time(factor.createdAt),
  last_used_at: time(factor.lastUsedAt),
  /** Of recovery codes only. */
  codes_left: factor.codesLeft,
  /** Of a telephone only: its last two digits. */
  number_ending: factor.numberEnding,
  /** Of passkeys only. */
  backed_up: factor.isBackedUp,
  user_verified: factor.isUserVerified,
});

export const sessionView = (session: SessionShown) => ({
  id: session.id,
  kind: session.kind,
  user_agent: session.userAgent,
  address: session.address,
  city: session.city,
  country: session.country,
  signed_in_with: session.amr,
  auth_level: session.acr,
  signed_in_at: time(session.authTime),
  last_seen_at: time(session.lastSeenAt),
  expires_at: time(session.absoluteExpiresAt),
});

export const eventView = (event: StoredEvent) => ({
  id: event.id,
  at: time(event.at),
  type: event.type,
  outcome: event.outcome,
  reason: event.reason,
  actor: event.actor,
  subject: event.subject,
  request_id: event.origin.requestId,
  address: event.origin.address,
  country: event.origin.country,
  count: event.count,
});
