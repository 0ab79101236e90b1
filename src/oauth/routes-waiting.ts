import { sha256Hex } from "../crypto/digest.ts";
import type { FormTokens } from "../http/form-tokens.ts";
import type { LiveSession } from "../sessions/session.ts";

const path = "/oauth/authorize";
/** Ours among the client's parameters: that this request sent its person to sign in. */
const markerName = "gatehouse_asked";
const markerShape = /^(none|ses_[0-9A-Za-z]{22})\.([\w.-]{1,128})$/;
/** As long as somebody may take to sign in, or to open an account first. */
const signInSecondsMax = 3600;
/** Of the whole path: what `/login` takes along. */
const lengthMax = 4096;

/** A request while its person signs in: the client's own parameters, and whether they were sent to sign in before. */
export type Waiting = { readonly query: string; readonly marker: string | null };

export function waitingOf(sent: URLSearchParams): Waiting {
  const own = new URLSearchParams(sent);
  const marker = own.get(markerName);
  own.delete(markerName);
  return { query: own.toString(), marker };
}

/** The same address again. */
export const addressOfWaiting = ({ query, marker }: Waiting, at = path): string =>
  marker === null ? `${at}?${query}` : `${at}?${query}&${markerName}=${encodeURIComponent(marker)}`;

const formOf = async ({ query }: Waiting, sessionId: string): Promise<string> =>
  JSON.stringify([path, await sha256Hex(query), sessionId]);

/**
 * Says which session was not enough for a request, to this browser alone. Who comes back in another session has proved
 * themselves since; who comes back in the same one has not, and is sent again: so neither a loop nor a way around it.
 */
export async function markedWaiting(
  waiting: Waiting,
  sessionId: string | null,
  browser: string,
  formTokens: FormTokens,
): Promise<string | null> {
  const from = sessionId ?? "none";
  const token = await formTokens.make(browser, await formOf(waiting, from));
  const address = addressOfWaiting({ ...waiting, marker: `${from}.${token}` });
  return address.length > lengthMax ? null : address;
}

export async function hasProvedAnew(
  waiting: Waiting,
  session: Pick<LiveSession, "id" | "authTime"> | null,
  browser: string,
  { formTokens, now }: { readonly formTokens: FormTokens; readonly now: () => number },
): Promise<boolean> {
  const [, from, token] = markerShape.exec(waiting.marker ?? "") ?? [];
  if (!from || !token || session === null || from === session.id) return false;
  const sentAtSeconds = Number.parseInt(token, 36);
  // An address that is opened again hours later says nothing of a sign-in that came long after it, or before.
  const provedAtSeconds = Math.floor(session.authTime.getTime() / 1000);
  if (!(provedAtSeconds >= sentAtSeconds && now() / 1000 - sentAtSeconds <= signInSecondsMax)) return false;
  return await formTokens.isValid(token, browser, await formOf(waiting, from));
}
