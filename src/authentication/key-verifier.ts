import type { KeyVerdict, Verification } from "../api-keys/verification.ts";
import type { Audit } from "../audit/audit.ts";
import type { Origin, Party } from "../audit/events.ts";
import type { Demand, Standing } from "../rate-limits/limits.ts";
import { guesserOf } from "./guesser.ts";
import { eventsOf } from "./refusal-event.ts";

export type VerifyKeyInput = {
  readonly key: string;
  readonly scopes: readonly string[];
  readonly cost: number;
  /** Where the key was used. A key bound to addresses is refused when the caller does not say. */
  readonly address: string | null;
};

/** The precise answer, for callers entitled to it: a service that checks its own callers' keys. */
export type KeyAnswer = {
  readonly valid: boolean;
  readonly code:
    | "valid"
    | "malformed"
    | "forged"
    | "unknown"
    | "revoked"
    | "deleted"
    | "expired"
    | "disabled"
    | "insufficient_scope"
    | "address_not_allowed"
    | "rate_limited"
    | "unavailable";
  readonly key_id?: string;
  readonly name?: string;
  readonly owner?: { readonly type: string; readonly id: string };
  readonly environment?: string;
  readonly scopes?: readonly string[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly expires_at?: string | null;
  readonly limits?: readonly {
    readonly name: string;
    readonly limit: number;
    readonly window_seconds: number;
    readonly remaining: number;
    readonly reset_seconds: number;
  }[];
  readonly retry_after_seconds?: number;
  /** Limits that could not be counted exactly, and what they did instead. */
  readonly degraded?: readonly string[];
};

type Asked = {
  /** Who asks, once it has proved it: braked for guesses whose address it does not say. */
  readonly caller: string;
  /** The same, as audit names it. */
  readonly by: Party;
  /** Of the caller's request; the address is the key's where the caller says it. */
  readonly origin: Origin;
  /** By `revocation.mark`. */
  readonly arrivedAt: number;
  readonly background: (work: Promise<unknown>) => void;
};

const codeOf = {
  over_limit: "rate_limited",
  guessing: "rate_limited",
  limit_unavailable: "unavailable",
  sources_unavailable: "unavailable",
} as const;

/** Checks a key that somebody else was shown, for HTTP and RPC alike. Never throws: a verdict in every case. */
export function createKeyVerifier(deps: {
  verification: Pick<Verification, "check">;
  audit: Pick<Audit, "record">;
  /** The address as limits count it, `unknown` when it is none. */
  networkOf(address: string): string;
}) {
  return {
    async verifyKey(input: VerifyKeyInput, asked: Asked): Promise<KeyAnswer> {
      const verdict = await deps.verification.check({
        text: input.key,
        arrivedAt: asked.arrivedAt,
        // Guesses are those of whoever sent the key, where the caller says who that was.
        guesser: guesserOf(deps.networkOf(input.address ?? ""), asked.caller),
        usedFrom: input.address === null ? null : { address: input.address, country: null },
        scopes: input.scopes,
        demandsOf: (record): Demand[] =>
          record.limits.map((limit) => ({
            limit: {
              name: limit.name,
              permits: limit.limit,
              windowSeconds: limit.windowSeconds,
              whenUnavailable: "local",
            },
            subject: `key:${record.lineageId}`,
            cost: input.cost,
          })),
        background: asked.background,
      });
      const origin = { ...asked.origin, address: input.address ?? asked.origin.address };
      for (const event of eventsOf(judged(verdict), origin, asked.by)) {
        deps.audit.record(event, asked.background);
      }
      return answerOf(verdict);
    },
  };
}

export type KeyVerifier = ReturnType<typeof createKeyVerifier>;

/** A verdict on a key as audit reads verdicts: the precise reason, and whose key it was once the secret was right. */
function judged(verdict: KeyVerdict): Parameters<typeof eventsOf>[0] {
  const { degraded = [], record } = verdict;
  if (verdict.ok) return { ok: true, degraded };
  const actor: Party = record ? { type: "key", id: record.id } : { type: "stranger", id: "" };
  return { ok: false, refusal: { reason: verdict.reason, actor }, degraded };
}

function answerOf(verdict: KeyVerdict): KeyAnswer {
  const about = verdict.record ? describe(verdict.record) : {};
  const limits = verdict.standings?.length ? { limits: verdict.standings.map(shown) } : {};
  const degraded = verdict.degraded?.length ? { degraded: verdict.degraded } : {};
  if (verdict.ok) return { valid: true, code: "valid", ...about, ...limits, ...degraded };
  const { reason, retryAfterSeconds } = verdict;
  const code =
    reason in codeOf
      ? codeOf[reason as keyof typeof codeOf]
      : (reason as Exclude<typeof reason, keyof typeof codeOf>);
  const retry = retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds };
  return { valid: false, code, ...about, ...limits, ...degraded, ...retry };
}

const describe = (record: NonNullable<KeyVerdict["record"]>) => ({
  key_id: record.id,
  name: record.name,
  owner: record.owner,
  environment: record.environment,
  scopes: record.scopes,
  metadata: record.metadata,
  expires_at: record.expiresAt?.toISOString() ?? null,
});

const shown = (standing: Standing) => ({
  name: standing.name,
  limit: standing.permits,
  window_seconds: standing.windowSeconds,
  remaining: standing.remaining,
  reset_seconds: standing.resetSeconds,
});
