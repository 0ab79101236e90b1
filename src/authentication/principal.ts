import type { EventReason, Party } from "../audit/events.ts";
import type { Code } from "../errors/codes.ts";
import type { Standing } from "../rate-limits/limits.ts";
import type { LevelDemand } from "../tokens/level-policy.ts";

export const credentialKinds = ["api-key", "access-token", "client-certificate"] as const;
export type CredentialKind = (typeof credentialKinds)[number];

/** Who is calling, once they have proved it; the same whatever they proved it with. */
export type Principal = {
  readonly method: CredentialKind | "public";
  /** On whose behalf: the owner of a key. Null for `public`. */
  readonly subject: Party | null;
  /** The credential itself: a key's id, a token's `jti`. */
  readonly credentialId: string | null;
  /** What limits "by key" count: the lineage of a key; null for a token, whose session or client is counted. */
  readonly lineageId: string | null;
  readonly environment: "live" | "test" | null;
  readonly scopes: readonly string[];
  /** Who asks in the subject's name: a token's client; a key is its own client. */
  readonly clientId: string | null;
  /** The session a token comes from; null for what has none. */
  readonly sessionId: string | null;
  /** How strongly the subject proved who they are: a token's `acr`. */
  readonly level: string | null;
  /** When the subject signed in: a token's `auth_time`. */
  readonly authTime: Date | null;
};

/** A refusal: what the caller is told, and what audit is told. */
export type Refusal = {
  readonly code: Code;
  readonly reason: EventReason;
  /** What was refused, when it was looked at. */
  readonly credential?: CredentialKind | undefined;
  readonly actor: Party;
  readonly retryAfterSeconds?: number | undefined;
  readonly violatedLimits?: readonly string[] | undefined;
  readonly neededScopes?: readonly string[] | undefined;
  /** What a new authentication of the person must reach (RFC 9470 §3). */
  readonly stepUp?: LevelDemand | undefined;
};

export type Verdict = {
  readonly standings: readonly Standing[];
  readonly degraded: readonly string[];
} & (
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly refusal: Refusal }
);

export const anonymous: Principal = {
  method: "public",
  subject: null,
  credentialId: null,
  lineageId: null,
  environment: null,
  scopes: [],
  clientId: null,
  sessionId: null,
  level: null,
  authTime: null,
};
