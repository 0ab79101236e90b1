import type { EventReason } from "../audit/events.ts";
import { attemptsMax, isTold, laneOf, lanesOf } from "./attempts.ts";
import type { FactorKind, FactorVerdict, Operator, Shown, Use } from "./factor.ts";
import type { Foundation } from "./foundation.ts";
import { credentialIdOf } from "./passkey-response.ts";
import { type Proved, provedBy } from "./proved.ts";
import type { FactorRow, Owner, Taken } from "./store.ts";

export type ProofVerdict =
  | {
      readonly ok: true;
      readonly owner: Owner;
      readonly proved: Proved;
      readonly use: Use;
      readonly lane: string;
    }
  | { readonly ok: false; readonly reason: "wrong" | "no_such_factor" | "closed" | "void" }
  | { readonly ok: false; readonly reason: "waiting"; readonly retryAfterSeconds: number };

/** Who shows a factor, and what was proved before. */
export type Claim = {
  readonly accountId: string;
  readonly version: number;
  readonly methods: readonly string[];
  readonly lane: string;
};

/**
 * One way in for every kind of factor: what can be guessed is counted before it is looked at, checked, and used up by
 * whoever acts on it. The counts are of the account, whichever sign-in and isolate a guess comes by.
 */
export function createProving(foundation: Foundation) {
  const { store, factors, audit, tellOwner, now } = foundation;

  function refuse(reason: EventReason, accountId: string, { actor, origin, background }: Operator): void {
    const subject = { type: "user", id: accountId } as const;
    audit.record({ type: "factor.refused", outcome: "refused", reason, actor, subject, origin }, background);
  }

  function tellGuesses(accountId: string, failed: number, operator: Operator): void {
    const { origin, background } = operator;
    if (failed === attemptsMax) refuse("factor_closed", accountId, operator);
    if (!isTold(failed)) return;
    const done = { at: new Date(now()), address: origin.address, country: origin.country };
    tellOwner(accountId, { template: "second-factor-guessed", done }, background);
  }

  function notTaken(taken: Taken & { ok: false }, accountId: string, operator: Operator): ProofVerdict {
    switch (taken.reason) {
      case "no_account":
        return { ok: false, reason: "void" };
      case "closed":
        refuse("factor_closed", accountId, operator);
        return { ok: false, reason: "closed" };
      case "waiting": {
        refuse("over_limit", accountId, operator);
        const retryAfterSeconds = Math.max(1, Math.ceil((taken.blockedUntil.getTime() - now()) / 1000));
        return { ok: false, reason: "waiting", retryAfterSeconds };
      }
    }
  }

  const factorOf = ({ kind }: Shown) => factors.find((one) => one.kind === kind);

  /** Null: the account has no such factor. */
  async function judge(shown: Shown, rows: readonly FactorRow[]): Promise<FactorVerdict | null> {
    const factor = factorOf(shown);
    const row = rows.find((one) => one.kind === shown.kind && factor?.isOf(one, shown));
    return factor && row ? await factor.verify(row, shown) : null;
  }

  async function prove(claim: Claim, shown: Shown, operator: Operator): Promise<ProofVerdict> {
    const { accountId, lane } = claim;
    const factor = factorOf(shown);
    const guesses = factor ? factor.guesses : "closed";
    const isClosable = guesses === "closed";
    const taken =
      guesses === null
        ? await store.findOf(accountId)
        : await store.take(accountId, lanesOf(lane, isClosable), { isClosable, at: new Date(now()) });
    if (!taken.ok) return notTaken(taken, accountId, operator);
    const { owner, rows, failed } = taken;
    if (owner.version !== claim.version) return { ok: false, reason: "void" };
    const verdict = await judge(shown, rows);
    if (verdict === null) {
      refuse("unknown", accountId, operator);
      return { ok: false, reason: "no_such_factor" };
    }
    if (!verdict.ok) {
      refuse(verdict.reason, accountId, operator);
      tellGuesses(accountId, failed, operator);
      return { ok: false, reason: "wrong" };
    }
    const proof = { kind: shown.kind, isUserVerified: verdict.isUserVerified };
    return { ok: true, owner, proved: provedBy(claim.methods, proof), use: verdict.use, lane };
  }

  /** Signing in by a passkey alone: it says itself whose it is, and cannot be guessed. */
  async function provePasskey(shown: Shown & { kind: "passkey" }, operator: Operator): Promise<ProofVerdict> {
    const credentialId = credentialIdOf(shown.response);
    const found = credentialId === null ? null : await store.findByCredential(credentialId);
    const verdict = found && (await judge(shown, [found.row]));
    if (!found || !verdict?.ok) {
      refuse(verdict && !verdict.ok ? verdict.reason : "unknown", found?.owner.id ?? "", operator);
      return { ok: false, reason: "wrong" };
    }
    const factor = { kind: "passkey", isUserVerified: verdict.isUserVerified } as const;
    return {
      ok: true,
      owner: found.owner,
      proved: provedBy([], factor),
      use: verdict.use,
      lane: laneOf(null),
    };
  }

  return {
    prove,
    provePasskey,

    /** For the statement that acts on it. */
    proofOf: ({ owner, use, lane }: ProofVerdict & { ok: true }) =>
      store.proofOf(use, { accountId: owner.id, lane, at: new Date(now()) }),

    /** Uses it up where it begins no session; false when somebody was faster. */
    spend: ({ owner, use, lane }: ProofVerdict & { ok: true }): Promise<boolean> =>
      store.spend(use, { accountId: owner.id, lane, at: new Date(now()) }),

    /** Told when a session has begun by it. */
    noteUse(kind: FactorKind, accountId: string, { actor, origin, background }: Operator): void {
      if (kind !== "recovery-codes") return;
      const subject = { type: "user", id: accountId } as const;
      audit.record(
        { type: "factor.recovery_code_used", outcome: "done", reason: null, actor, subject, origin },
        background,
      );
      const done = { at: new Date(now()), address: origin.address, country: origin.country };
      tellOwner(accountId, { template: "recovery-code-used", done }, background);
    },
  };
}

export type Proving = ReturnType<typeof createProving>;
