import type { Background } from "../audit/audit.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Change } from "../revocation/ending.ts";
import type { SigningKeys } from "../signing-keys/signing-keys.ts";
import type { Client } from "./client.ts";
import type { Clients } from "./clients.ts";
import type { LogoutClient } from "./logout.client.ts";
import type { LogoutNotice, LogoutNoticeStore } from "./logout-notices.store.ts";
import type { Subjects } from "./subjects.ts";

/** After 1, 2, 4, 8, 16, 32 and 60 minutes: eight attempts in two hours, and then it is given up. */
export const attemptsMax = 8;
const firstPauseMilliseconds = 60_000;
const pauseMaxMilliseconds = 3_600_000;
/** Longer than a batch can take: what a dead isolate held comes back. */
const heldMilliseconds = 120_000;
const batch = 50;
const together = 5;
const shownMax = 200;
/** OIDC Back-Channel Logout §2.4: short, since it is looked at once. */
const tokenSeconds = 120;
const event = "http://schemas.openid.net/event/backchannel-logout";

/**
 * When a browser session ends, each client that was granted something in it is told by a signed token (OIDC Back-Channel
 * Logout §2.5): behind the answer, and by the cron trigger until it took it. Nothing that ends waits for this.
 */
export function createBackChannelLogout(options: {
  store: LogoutNoticeStore;
  clients: Pick<Clients, "get">;
  client: LogoutClient;
  subjects: Subjects;
  signingKeys: Pick<SigningKeys, "sign">;
  issuer: string;
  now: () => number;
}) {
  const { store, now } = options;
  const heldUntil = () => new Date(now() + heldMilliseconds);

  /** OIDC Back-Channel Logout §2.4: typed, so that it passes for no other token; no `nonce`. */
  async function tokenFor(client: Client, { accountId, sessionId }: LogoutNotice): Promise<string> {
    const iat = Math.floor(now() / 1000);
    const claims = {
      iss: options.issuer,
      sub: await options.subjects.subjectOf(client, accountId),
      aud: client.id,
      iat,
      exp: iat + tokenSeconds,
      jti: `lgt_${randomBase62(22)}`,
      sid: sessionId,
      events: { [event]: {} },
    };
    return await options.signingKeys.sign("id-token", "logout+jwt", claims, client.idTokenAlgorithm);
  }

  async function deliver(notice: LogoutNotice): Promise<void> {
    const client = await options.clients.get(notice.clientId).catch(ifGone);
    const uri = client?.enabled ? client.backchannelLogoutUri : null;
    const settle = (state: LogoutNotice["state"], answered: number | null, pauseMilliseconds = 0) => {
      const [at, dueAt] = [new Date(now()), new Date(now() + pauseMilliseconds)];
      return store.settle(notice.sessionId, { state, status: answered, dueAt, at });
    };
    if (!client || uri === null) return await settle("given_up", null);
    const { status } = await options.client.send(uri, await tokenFor(client, notice));
    if (status !== null && status >= 200 && status < 300) return await settle("delivered", status);
    if (notice.attempts + 1 >= attemptsMax) return await settle("given_up", status);
    const pause = Math.min(firstPauseMilliseconds * 2 ** notice.attempts, pauseMaxMilliseconds);
    await settle("waiting", status, pause);
  }

  /** What fails here is still held, and comes back by itself. */
  async function deliverAll(notices: readonly LogoutNotice[]): Promise<void> {
    for (let from = 0; from < notices.length; from += together)
      await Promise.allSettled(notices.slice(from, from + together).map(deliver));
  }

  return {
    /** Behind the answer of whatever ended sessions. Never throws. */
    tell(endings: readonly Change[], background: Background): void {
      const ended = endings.flatMap(({ kind, subjectId }) => (kind === "session" ? [subjectId] : []));
      // A grant that ends alone ends nobody's session.
      const sessionIds = ended.filter((id) => !id.startsWith("gnt_"));
      if (sessionIds.length === 0) return;
      const told = store.makeFor(sessionIds, new Date(now()), heldUntil()).then(deliverAll);
      background(told.catch(() => undefined));
    },

    /** For the cron trigger. */
    async retry(): Promise<void> {
      const at = new Date(now());
      const missed = await store.makeMissed(at, heldUntil());
      await deliverAll([...missed, ...(await store.takeDue(at, heldUntil(), batch))]);
      await store.sweep(at);
    },

    /** How a client took what it was told, newest first. Throws `not_found`. */
    async list(clientId: string): Promise<LogoutNotice[]> {
      await options.clients.get(clientId);
      return await store.list(clientId, shownMax);
    },
  };
}

/** A client that cannot be read now is not gone: its notice stays held, and comes back. */
function ifGone(thrown: unknown): null {
  if (thrown instanceof AuthError && thrown.code === "not_found") return null;
  throw thrown;
}

export type BackChannelLogout = ReturnType<typeof createBackChannelLogout>;
