import type { Account } from "../accounts/account.ts";
import type { Audit, Background } from "../audit/audit.ts";
import type { EventReason, Origin, Party } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { sha256Hex } from "../crypto/digest.ts";
import type { PendingChange } from "../revocation/ending.ts";
import type { Reach, Revocation } from "../revocation/revocation.ts";
import type { AccessTokens } from "../tokens/access-tokens.ts";
import type { FamilyDraft } from "../tokens/refresh-family.ts";
import type { RefreshTokens } from "../tokens/refresh-tokens.ts";
import type { FamilyEnd } from "../tokens/tables.ts";
import {
  type Device,
  type LiveSession,
  type SessionKind,
  type SessionShown,
  userAgentMax,
} from "./session.ts";
import type { SessionCookies } from "./session-cookie.ts";
import type { AtomicProof, SessionStore } from "./store.ts";

export type Operator = { readonly actor: Party; readonly origin: Origin; readonly background: Background };

export type SignIn = {
  /** As it was when the proof was checked: a change since then undoes the proof. */
  readonly account: Pick<Account, "id" | "scopes" | "revokedBefore"> & { readonly version: number };
  readonly acr: FamilyDraft["acr"];
  readonly amr: readonly string[];
  readonly kind: SessionKind;
  readonly device: Device;
  /** The page cookie that the browser sent: its session ends, so that nobody can fix one in advance. */
  readonly previousCookie: string | null;
  /** The session that a stronger proof takes further: it ends, and its end is not put off. */
  readonly raised?: { readonly sessionId: string; readonly absoluteExpiresAt: Date } | undefined;
  /** Used up in the statement that begins the session. */
  readonly proof?: AtomicProof | undefined;
};

export type Began = {
  readonly sessionId: string;
  /** For the page cookie; null for a native application. */
  readonly cookie: string | null;
  readonly refreshToken: string;
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  /** Until when both cookies are worth keeping. */
  readonly absoluteExpiresAt: Date;
};

const shownMax = 200;
const touchGrainMilliseconds = 10 * 60_000;
/** What is dead is kept this long, for whoever looks into what happened. */
const sweepAfterMilliseconds = 7 * 86_400_000;
const sweepBatch = 500;

/**
 * Sessions: begun by a proof, one for each device, ended by their owner, an operator, a thief's mistake or the clock.
 * A session is as alive as its family of refresh tokens, so there is one truth about both.
 */
export function createSessions(options: {
  store: SessionStore;
  cookies: SessionCookies;
  refreshTokens: Pick<RefreshTokens, "begin" | "endSession" | "endOthers">;
  accessTokens: Pick<AccessTokens, "issue">;
  revocation: Pick<Revocation, "announceNow">;
  audit: Pick<Audit, "record">;
  issuer: string;
  clientId: string;
  idleSeconds: number;
  absoluteSeconds: number;
  now: () => number;
}) {
  const { store, cookies, refreshTokens, audit, now } = options;
  const idleFrom = (at: Date): Date => new Date(at.getTime() + options.idleSeconds * 1000);

  function note(
    type: "session.began" | "session.ended",
    sessionId: string,
    reason: EventReason | null,
    { actor, origin, background }: Operator,
  ): void {
    const subject = { type: "session", id: sessionId } as const;
    audit.record({ type, outcome: "done", reason, actor, subject, origin }, background);
  }

  /** What was proved was good, and came too late. */
  function refuse(reason: EventReason, { account, proof }: SignIn, operator: Operator): null {
    const type = proof === undefined ? "sign_in.refused" : "factor.refused";
    const subject = { type: "user", id: account.id } as const;
    const { actor, origin, background } = operator;
    audit.record({ type, outcome: "refused", reason, actor, subject, origin }, background);
    return null;
  }

  function tellBegun(sessionId: string, ended: readonly PendingChange[], operator: Operator): void {
    note("session.began", sessionId, null, operator);
    for (const { subjectId } of ended) note("session.ended", subjectId, "superseded", operator);
    // Nobody waits for the end of what the browser itself has just given up.
    if (ended.length > 0) operator.background(options.revocation.announceNow(ended, operator.background));
  }

  /** The hash of a page cookie of ours; null for anything else, without a call. */
  async function hashOf(cookie: string | null): Promise<string | null> {
    return cookie !== null && (await cookies.isOurs(cookie)) ? await sha256Hex(cookie) : null;
  }

  return {
    /**
     * Two things are born in one statement: the session and its tokens. Null: the account changed since the proof, or the
     * proof was used a moment before.
     */
    async begin(input: SignIn, operator: Operator): Promise<Began | null> {
      const at = new Date(now());
      const sessionId = `ses_${randomBase62(22)}`;
      const cookie = input.kind === "browser" ? await cookies.make() : null;
      const grant = {
        sessionId,
        clientId: options.clientId,
        audience: options.issuer,
        scopes: input.account.scopes,
        authTime: at,
        acr: input.acr,
        amr: input.amr,
        tokensFrom: tokensFrom(input.account.revokedBefore, at),
      };
      const { row, refreshToken } = await refreshTokens.begin({
        ...grant,
        accountId: input.account.id,
        endsAt: input.raised?.absoluteExpiresAt ?? null,
      });
      // Signed before anything is written: without a signing key nothing begins.
      const issued = await options.accessTokens.issue({ ...grant, subject: input.account.id });
      const begun = await store.begin({
        session: {
          id: sessionId,
          secretHash: cookie === null ? null : await sha256Hex(cookie),
          idleExpiresAt: idleFrom(at),
          absoluteExpiresAt: row.absoluteExpiresAt,
          ...whoAndWhere(input, at),
        },
        family: row,
        accountVersion: input.account.version,
        previous: {
          secretHash: await hashOf(input.previousCookie),
          sessionId: input.raised?.sessionId ?? null,
        },
        proof: input.proof ?? [],
        at,
      });
      if (!begun.ok) return refuse(begun.reason, input, operator);
      tellBegun(sessionId, begun.ended, operator);
      return {
        sessionId,
        cookie,
        refreshToken,
        accessToken: issued.accessToken,
        expiresInSeconds: issued.expiresInSeconds,
        absoluteExpiresAt: row.absoluteExpiresAt,
      };
    },

    /** Who is behind a page cookie: one read, none for what is no cookie of ours. */
    async find(cookie: string | null, background: Background): Promise<LiveSession | null> {
      const hash = await hashOf(cookie);
      if (hash === null) return null;
      const at = new Date(now());
      const session = await store.find(hash, at);
      if (session && at.getTime() - session.lastSeenAt.getTime() > touchGrainMilliseconds) {
        background(store.touch(session.id, at, idleFrom(at)).catch(() => undefined));
      }
      return session;
    },

    /** Live ones, newest first. */
    list: (accountId: string): Promise<SessionShown[]> => store.list(accountId, new Date(now()), shownMax),

    /** Null: the account has no such live session. */
    async end(
      sessionId: string,
      accountId: string,
      reason: FamilyEnd,
      operator: Operator,
    ): Promise<Reach | null> {
      return await refreshTokens.endSession(sessionId, accountId, reason, operator);
    },

    endOthers: (accountId: string, keepSessionId: string, operator: Operator): Promise<Reach> =>
      refreshTokens.endOthers(accountId, keepSessionId, "by_person", operator),

    /** Everything issued before now is dead, whichever session it came from. */
    async endAll(accountId: string, reason: FamilyEnd, operator: Operator): Promise<Reach> {
      const noted = await store.endAll(accountId, reason, new Date(now()));
      for (const { kind, subjectId } of noted)
        if (kind === "session") note("session.ended", subjectId, reason, operator);
      const { actor, origin, background } = operator;
      // Also when no session was left: access tokens may be, of applications.
      const subject = { type: "user", id: accountId } as const;
      audit.record({ type: "token.revoked", outcome: "done", reason, actor, subject, origin }, background);
      return await options.revocation.announceNow(noted, operator.background);
    },

    /** For the cron trigger. */
    sweep(): Promise<number> {
      const endedBefore = now() - sweepAfterMilliseconds;
      const deletedSince = endedBefore - options.absoluteSeconds * 1000;
      return store.sweep(new Date(endedBefore), new Date(deletedSince), sweepBatch);
    },
  };
}

export type Sessions = ReturnType<typeof createSessions>;

const whoAndWhere = ({ account, kind, device }: SignIn, at: Date) => ({
  accountId: account.id,
  kind,
  createdAt: at,
  lastSeenAt: at,
  ...device,
  userAgent: device.userAgent.slice(0, userAgentMax),
});

/**
 * `iat` has whole seconds: a token of this very second would look as old as what was just revoked, so tokens of a
 * session begun in that second say the next one.
 */
function tokensFrom(revokedBefore: Date | null, at: Date): Date | null {
  if (!revokedBefore) return null;
  const from = Math.ceil(revokedBefore.getTime() / 1000) * 1000;
  return from > Math.floor(at.getTime() / 1000) * 1000 ? new Date(from) : null;
}
