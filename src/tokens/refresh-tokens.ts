import type { Audit, Background } from "../audit/audit.ts";
import type { EventReason, Origin, Party } from "../audit/events.ts";
import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { PendingChange } from "../revocation/ending.ts";
import type { Reach, Revocation } from "../revocation/revocation.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { SignatureAlgorithm } from "./compact-jws.ts";
import { createEndings } from "./endings.ts";
import { type FamilyDraft, familyOf, idleSeconds, type NewFamily } from "./refresh-family.ts";
import { newFamilyId, type RefreshFormat, type RefreshTokenParsed } from "./refresh-format.ts";
import type { RefreshFamily, RefreshStore } from "./store.ts";
import type { FamilyEnd } from "./tables.ts";

export type { Operator } from "./endings.ts";
export type { FamilyDraft, NewFamily } from "./refresh-family.ts";

export type RefreshAsked = {
  /** Who asks, proved by the caller's own door: a token of another client is unknown here. */
  readonly clientId: string;
  readonly origin: Origin;
  readonly background: Background;
  /** Less than was granted, for this access token alone; without them, all of it. */
  readonly scopes?: readonly string[] | null;
  readonly audience?: string | null;
  /** What is the client's to have now: no token says more, whatever was granted. Without it, all of it. */
  readonly ceiling?: readonly string[];
  readonly algorithm?: SignatureAlgorithm;
};

/** What the sign-in or grant decided, for whoever says more of it than the access token does. */
export type RefreshedGrant = Pick<RefreshFamily, "authTime" | "acr" | "amr" | "claims" | "absoluteExpiresAt">;

export type RefreshVerdict =
  | {
      readonly ok: true;
      readonly accessToken: string;
      readonly expiresInSeconds: number;
      readonly refreshToken: string;
      readonly sessionId: string;
      readonly accountId: string;
      readonly scopes: readonly string[];
      /** When the new refresh token dies unless it is used. */
      readonly idleExpiresAt: Date;
      readonly absoluteExpiresAt: Date;
      readonly grant: RefreshedGrant;
    }
  | { readonly ok: false; readonly reason: RefreshRefusal };

/**
 * `unavailable`: nothing is decided, the same token may be presented again; so it may when more was asked for than was
 * granted. Every other reason is for ever.
 */
export type RefreshRefusal = "malformed" | "forged" | "unknown" | "replayed" | "unavailable" | Excess;
/** The scope is wider, or the resource another one, than what was granted. */
type Excess = "insufficient_scope" | "wrong_audience";

/** Told to the owner of a session that ended because somebody presented a token of its past. */
export type ReplayNotice = {
  readonly accountId: string;
  readonly sessionId: string;
  readonly at: Date;
  readonly origin: Origin;
};

/** Null: this isolate does not know that version of the secret. */
type Successor = { readonly token: string | null; readonly hash: string };

type Sources = {
  readonly store: RefreshStore;
  readonly format: RefreshFormat;
  readonly accessTokens: Pick<AccessTokens, "issue">;
  readonly revocation: Pick<Revocation, "announceNow">;
  readonly audit: Pick<Audit, "record">;
  readonly graceSeconds: number;
  readonly now: () => number;
  readonly tellOwner: (notice: ReplayNotice, background: Background) => void;
};

/**
 * Refresh tokens, rotated at each use (RFC 9700 §4.14.2). Invariant: whatever the order, number and fate of answers, a
 * family has at most one token that can still rotate; an honest client that repeats its last request within the grace
 * ends with that token; a token older than the immediate predecessor never yields anything but the family's end.
 * Accepted: within the grace a thief's copy of the predecessor gets the successor too. Whichever of the two uses it
 * first makes the other one's next use a replay, once the grace has passed; grace 0 closes the gap at the price of
 * signing out a client whose answer was lost.
 */
export function createRefreshTokens(sources: Sources) {
  const { store, format, accessTokens, revocation, audit, now } = sources;
  const graceMilliseconds = sources.graceSeconds * 1000;
  const endings = createEndings(sources);

  function refuse(reason: RefreshRefusal, asked: RefreshAsked): RefreshVerdict {
    const stranger: Party = { type: "stranger", id: "" };
    const told: EventReason = reason === "unavailable" ? "sources_unavailable" : reason;
    audit.record(
      {
        type: "token.refused",
        outcome: "refused",
        reason: told,
        actor: stranger,
        subject: { type: "client", id: asked.clientId },
        origin: asked.origin,
      },
      asked.background,
    );
    return { ok: false, reason };
  }

  /** The family has ended already, in the statement that found the replay; this tells whoever must know. */
  async function tellReplay(
    family: RefreshFamily,
    noted: readonly PendingChange[],
    asked: RefreshAsked,
  ): Promise<void> {
    const { accountId, sessionId } = family;
    const reached = revocation.announceNow(noted, asked.background);
    audit.record(
      {
        type: "refresh.replayed",
        outcome: "noticed",
        reason: "replayed",
        actor: { type: "stranger", id: "" },
        subject: { type: "session", id: sessionId },
        origin: asked.origin,
      },
      asked.background,
    );
    endings.recordEnd(sessionId, "replayed", {
      actor: { type: "system", id: "gatehouse" },
      origin: asked.origin,
      background: asked.background,
    });
    const notice = { accountId, sessionId, at: new Date(now()), origin: asked.origin };
    sources.tellOwner(notice, asked.background);
    await reached;
  }

  async function successorIn(
    text: string,
    parsed: RefreshTokenParsed & { ok: true },
    version: number,
  ): Promise<Successor> {
    const token = await format.successorOf(text, parsed, version);
    return { token, hash: await sha256Hex(token ?? "") };
  }

  /** What the row left behind says, in the version that made it. */
  async function answer(
    text: string,
    parsed: RefreshTokenParsed & { ok: true },
    { family, successor }: { readonly family: RefreshFamily; readonly successor: Successor },
    asked: RefreshAsked & { readonly at: number },
  ): Promise<RefreshVerdict> {
    const { token: refreshToken, hash } =
      family.secretVersion === format.newestVersion
        ? successor
        : await successorIn(text, parsed, family.secretVersion);
    // Made by an isolate with a newer secret than ours: the client repeats its request and finds one that knows it.
    if (refreshToken === null || hash !== family.currentHash) {
      return refuse("unavailable", asked);
    }
    const { sessionId, accountId, idleExpiresAt, absoluteExpiresAt } = family;
    const { ceiling } = asked;
    const scopes = (asked.scopes ?? family.scopes).filter((scope) => ceiling?.includes(scope) ?? true);
    const { algorithm = "RS256" } = asked;
    const narrowed = { scopes, audience: asked.audience ?? family.audience, algorithm };
    const issued = await accessTokens.issue(
      { ...family, ...narrowed, subject: accountId, endsAt: absoluteExpiresAt },
      asked.at,
    );
    return {
      ok: true,
      accessToken: issued.accessToken,
      expiresInSeconds: issued.expiresInSeconds,
      refreshToken,
      sessionId,
      accountId,
      scopes,
      idleExpiresAt,
      absoluteExpiresAt,
      grant: family,
    };
  }

  async function present(
    text: string,
    parsed: RefreshTokenParsed & { ok: true },
    { clientId, at, scopes = null, audience = null }: RefreshAsked & { readonly at: number },
  ) {
    const successor = await successorIn(text, parsed, format.newestVersion);
    const found = await store.present({
      familyId: parsed.familyId,
      clientId,
      presentedHash: await sha256Hex(text),
      successorHash: successor.hash,
      secretVersion: format.newestVersion,
      at: new Date(at),
      graceMilliseconds,
      idleExpiresAt: new Date(at + idleSeconds * 1000),
      scopes,
      audience,
    });
    return found && { ...found, successor };
  }

  async function decide(
    text: string,
    parsed: RefreshTokenParsed & { ok: true },
    asked: RefreshAsked,
  ): Promise<RefreshVerdict> {
    const at = now();
    const found = await present(text, parsed, { ...asked, at });
    if (!found) return refuse("unknown", asked);
    if (found.noted.length > 0) {
      await tellReplay(found.family, found.noted, asked);
      return { ok: false, reason: "replayed" };
    }
    const excess = excessOf(found.family, asked);
    return excess ? refuse(excess, asked) : await answer(text, parsed, found, { ...asked, at });
  }

  async function firstToken() {
    const id = newFamilyId();
    const refreshToken = await format.make(id);
    return {
      id,
      refreshToken,
      tokenHash: await sha256Hex(refreshToken),
      secretVersion: format.newestVersion,
    };
  }

  return {
    ...endings.verbs,

    /** A new family's row and its first token; whoever signs in inserts the row in one statement with the session. */
    async begin(draft: FamilyDraft): Promise<{ row: NewFamily; refreshToken: string }> {
      const { refreshToken, ...first } = await firstToken();
      return { row: familyOf(draft, { ...first, at: new Date(now()) }), refreshToken };
    },

    /** The same for whoever learns only in the statement whose family it is. */
    firstToken,

    /**
     * Ends the session of whoever holds a token of it, the newest or an old one: nobody else was ever given any. Null: it
     * is none of ours, not this client's, or its session has ended (RFC 7009 §2.2: that is no error).
     */
    async endByToken(text: string, asked: RefreshAsked, reason: FamilyEnd): Promise<Reach | null> {
      const parsed = await format.parse(text);
      if (!parsed.ok) return null;
      const { familyId } = parsed;
      const { clientId } = asked;
      const noted = await store.endFamily(familyId, clientId, reason, new Date(now()));
      if (noted.length === 0) return await endings.announceUntold({ familyId, clientId }, asked.background);
      const actor: Party = { type: "client", id: asked.clientId };
      return await endings.announce(noted, reason, { ...asked, actor });
    },

    /**
     * One Postgres round trip, none before the tag is right. A store or a signing key that cannot be asked
     * is `unavailable`, also after the rotation was stored, and then the same token presented again is its retry.
     */
    async refresh(text: string, asked: RefreshAsked): Promise<RefreshVerdict> {
      const parsed = await format.parse(text);
      if (!parsed.ok) return refuse(parsed.reason === "too_new" ? "unavailable" : parsed.reason, asked);
      try {
        return await decide(text, parsed, asked);
      } catch (thrown) {
        if (thrown instanceof AuthError && thrown.code === "unavailable") return refuse("unavailable", asked);
        throw thrown;
      }
    },
  };
}

export type RefreshTokens = ReturnType<typeof createRefreshTokens>;

/** RFC 6749 §6, RFC 8707 §2.2: a refresh may narrow and never widen. The store has not rotated for what is refused here. */
function excessOf(family: RefreshFamily, { scopes, audience }: RefreshAsked): Excess | null {
  if (scopes?.some((scope) => !family.scopes.includes(scope))) return "insufficient_scope";
  const resources = family.resources ?? [family.audience];
  return typeof audience === "string" && !resources.includes(audience) ? "wrong_audience" : null;
}
