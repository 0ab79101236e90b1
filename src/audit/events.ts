/** What an event is about. `stranger`: nobody has proved who they are yet. */
export type Party = {
  readonly type:
    | "key"
    | "service"
    | "user"
    | "organization"
    | "operator"
    | "stranger"
    | "system"
    | "route"
    | "limit"
    | "session"
    | "token"
    | "client"
    | "signing-key";
  readonly id: string;
};

export const eventTypes = [
  "key.created",
  "key.imported",
  "key.updated",
  "key.enabled",
  "key.disabled",
  "key.rotated",
  "key.revoked",
  "key.deleted",
  "key.exposed",
  "key.refused",
  "owner.keys_revoked",
  "access.refused",
  "limit.exceeded",
  "limit.degraded",
  "route.created",
  "route.updated",
  "route.deleted",
  "signing_key.created",
  "signing_key.rotated",
  "signing_key.killed",
  "signing_key.retired",
  "signing_key.unreadable",
  "account.created",
  "account.password_changed",
  "account.password_upgraded",
  "account.password_added",
  "account.password_removed",
  "account.address_changed",
  "account.recovery_requested",
  "account.opened_by_mail",
  "account.scopes_changed",
  "account.disabled",
  "account.enabled",
  "account.deleted",
  "session.began",
  "session.ended",
  "sign_in.refused",
  "factor.added",
  "factor.removed",
  "factor.refused",
  "factor.recovery_code_used",
  "factor.code_sent",
  "factor.device_remembered",
  "factor.device_forgotten",
  "refresh.replayed",
  "token.issued",
  "token.refused",
  "token.revoked",
  "client.created",
  "client.updated",
  "client.enabled",
  "client.disabled",
  "client.secret_rotated",
  "client.deleted",
  "client.refused",
  "consent.given",
  "consent.denied",
  "consent.revoked",
  "code.replayed",
  "device.refused",
  "message.failed",
] as const;
export type EventType = (typeof eventTypes)[number];

/** Why: a closed set. No free text reaches an event, so no secret can. */
export const eventReasons = [
  "malformed",
  "forged",
  "unknown",
  "revoked",
  "expired",
  "disabled",
  "deleted",
  "missing_credential",
  "several_credentials",
  "invalid_token",
  "insufficient_scope",
  "insufficient_user_authentication",
  "address_not_allowed",
  "credential_not_accepted",
  "guessing",
  "over_limit",
  "limit_unavailable",
  "sources_unavailable",
  "credential_in_url",
  "plain_http",
  "misdirected",
  "ambiguous_path",
  "method_not_allowed",
  "body_not_allowed",
  "too_large",
  "reported",
  "by_operator",
  "by_client",
  "by_owner_revocation",
  "by_person",
  "by_recovery",
  "by_schedule",
  "wrong_password",
  "wrong_secret",
  "wrong_method",
  "bad_assertion",
  "wrong_code",
  "wrong_passkey",
  "factor_closed",
  "unreadable",
  "unknown_account",
  "account_disabled",
  "cross_site",
  "wrong_issuer",
  "wrong_audience",
  "wrong_type",
  "wrong_algorithm",
  "unknown_key",
  "bad_signature",
  "not_yet_valid",
  "superseded",
  "replayed",
  "signed_out",
  "signed_out_everywhere",
  "password_changed",
  "address_changed",
] as const;
export type EventReason = (typeof eventReasons)[number];

export const eventOutcomes = ["done", "refused", "noticed"] as const;
export type EventOutcome = (typeof eventOutcomes)[number];

/** What one request knows of itself, for its events. */
export type Origin = {
  readonly requestId: string;
  readonly address: string;
  readonly country: string | null;
};

export type SecurityEvent = {
  readonly type: EventType;
  readonly outcome: EventOutcome;
  readonly reason: EventReason | null;
  readonly actor: Party;
  readonly subject: Party | null;
  readonly origin: Origin;
};

export type StoredEvent = SecurityEvent & { readonly id: string; readonly at: Date; readonly count: number };

/** Refusals that cost a stranger nothing must not cost us a write each: these are counted and written together. */
export function isCountedTogether(event: SecurityEvent): boolean {
  return event.outcome === "refused" || event.type === "limit.degraded";
}

export const togetherKey = (event: SecurityEvent): string =>
  [event.type, event.reason, event.actor.type, event.actor.id, event.subject?.id, event.origin.address].join(
    " ",
  );

export const stranger: Party = { type: "stranger", id: "" };
export const system: Party = { type: "system", id: "gatehouse" };
