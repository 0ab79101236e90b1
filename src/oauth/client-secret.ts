import { randomBase62 } from "../crypto/base62.ts";
import { equalInConstantTime } from "../crypto/bytes.ts";
import { sha256Hex } from "../crypto/digest.ts";
import type { Client, ClientSecret } from "./client.ts";

/** 43 digits: more than 256 random bits. */
const makeSecret = (): string => `gcs_${randomBase62(43)}`;

/** `text` is shown this once: only its SHA-256 is kept. */
export async function newSecret(at: Date): Promise<{ text: string; kept: ClientSecret }> {
  const text = makeSecret();
  return { text, kept: { hash: await sha256Hex(text), createdAt: at.toISOString(), expiresAt: null } };
}

const isLive = ({ expiresAt }: ClientSecret, at: Date): boolean =>
  expiresAt === null || new Date(expiresAt) > at;

/** The one secret that a rotation leaves alive for a while, and its successor: never a third. */
export function rotated(
  secrets: readonly ClientSecret[],
  next: ClientSecret,
  times: { at: Date; oldEndsAt: Date },
): ClientSecret[] {
  const newest = secrets.findLast((secret) => isLive(secret, times.at));
  if (!newest || times.oldEndsAt <= times.at) return [next];
  const endsAt = newest.expiresAt === null ? times.oldEndsAt.toISOString() : newest.expiresAt;
  return [{ ...newest, expiresAt: endsAt }, next];
}

/** Compares with every live secret in a time that tells nothing of them. */
export async function isSecretOf(
  client: Pick<Client, "secrets">,
  presented: string,
  at: Date,
): Promise<boolean> {
  const hash = await sha256Hex(presented);
  let matches = false;
  for (const secret of client.secrets) {
    const isSame = equalInConstantTime(hash, secret.hash);
    matches = (isSame && isLive(secret, at)) || matches;
  }
  return matches;
}
