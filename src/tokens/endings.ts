import type { Audit, Background } from "../audit/audit.ts";
import type { Origin, Party, SecurityEvent } from "../audit/events.ts";
import type { PendingChange } from "../revocation/ending.ts";
import type { Reach, Revocation } from "../revocation/revocation.ts";
import { lifeSecondsMax } from "./access-token.ts";
import type { EndedSession, RefreshStore } from "./store.ts";
import type { FamilyEnd } from "./tables.ts";

/** Who ends something, from where. */
export type Operator = {
  readonly actor: Party;
  readonly origin: Origin;
  readonly background: Background;
};

/**
 * The ends of sessions and tokens, other than by replay. Each changes the truth and notes it for the edges in one
 * statement, then tells the edges; `Reach` says when every gateway will refuse.
 */
export function createEndings(options: {
  store: RefreshStore;
  revocation: Pick<Revocation, "announceNow">;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { store, revocation, audit, now } = options;

  function record(
    type: "session.ended" | "token.revoked",
    reason: FamilyEnd,
    subject: Party,
    operator: Operator,
  ): void {
    const { actor, origin, background } = operator;
    const event: SecurityEvent = { type, outcome: "done", reason, actor, subject, origin };
    audit.record(event, background);
  }

  const recordEnd = (sessionId: string, reason: FamilyEnd, operator: Operator): void =>
    record("session.ended", reason, { type: "session", id: sessionId }, operator);

  async function announce(
    noted: readonly PendingChange[],
    reason: FamilyEnd,
    operator: Operator,
  ): Promise<Reach> {
    for (const { kind, subjectId } of noted) if (kind === "session") recordEnd(subjectId, reason, operator);
    if (noted.length === 0) return { effectiveEverywhereBy: new Date(now()), announced: true };
    return await revocation.announceNow(noted, operator.background);
  }

  /**
   * Nothing was left to end. When that is because the answer of an earlier try was lost, the edges have not been told
   * either, and whoever tries again is told that it is done: so they are told now.
   */
  async function announceUntold(which: EndedSession, background: Background): Promise<null> {
    const untold = await store.findUntold(which, new Date(now()));
    if (untold.length > 0) await revocation.announceNow(untold, background);
    return null;
  }

  return {
    recordEnd,
    announce,
    announceUntold,
    verbs: {
      /** Null: there is no such session, it has ended, or it is not of this account. */
      async endSession(
        sessionId: string,
        accountId: string,
        reason: FamilyEnd,
        operator: Operator,
      ): Promise<Reach | null> {
        const noted = await store.endSession(sessionId, accountId, reason, new Date(now()));
        if (noted.length > 0) return await announce(noted, reason, operator);
        return await announceUntold({ sessionId, accountId }, operator.background);
      },

      async endOthers(
        accountId: string,
        keptSessionId: string,
        reason: FamilyEnd,
        operator: Operator,
      ): Promise<Reach> {
        const noted = await store.endOthers(accountId, keptSessionId, reason, new Date(now()));
        return await announce(noted, reason, operator);
      },

      /**
       * One access token; its session goes on. `expiresAt`: the token's own `exp`; null when it is not known. A later
       * one than any token can have does not keep the note for longer.
       */
      async revokeToken(
        jti: string,
        expiresAt: Date | null,
        operator: Operator,
        reason: FamilyEnd = "by_operator",
      ): Promise<Reach> {
        const at = now();
        const isPossible = expiresAt !== null && expiresAt.getTime() <= at + lifeSecondsMax * 1000;
        const noted = await store.noteToken(jti, new Date(at), isPossible ? expiresAt : null);
        record("token.revoked", reason, { type: "token", id: jti }, operator);
        return await announce(noted, reason, operator);
      },

      /** What one application has of one person: their access tokens and refresh tokens, whatever session they came from. */
      async endGrants(
        accountId: string,
        clientId: string,
        reason: FamilyEnd,
        operator: Operator,
      ): Promise<Reach> {
        const noted = await store.endOfClientAt(accountId, clientId, reason, new Date(now()));
        return await announce(noted, reason, operator);
      },

      /** Everything that a client was given: its families, and its access tokens issued before now. */
      async revokeClient(clientId: string, operator: Operator): Promise<Reach> {
        const noted = await store.endOfClient(clientId, "by_operator", new Date(now()));
        record("token.revoked", "by_operator", { type: "client", id: clientId }, operator);
        return await announce(noted, "by_operator", operator);
      },
    },
  };
}
