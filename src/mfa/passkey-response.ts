import { type Bytes, base64url, fromBase64url } from "../crypto/bytes.ts";
import { readCbor } from "./cbor.ts";

/** Why an authenticator's answer is refused; for the record, never for its sender. */
export type PasskeyRefusal =
  | "malformed"
  | "too_large"
  | "wrong_type"
  | "wrong_challenge"
  | "wrong_origin"
  | "cross_origin"
  | "wrong_rp"
  | "user_absent"
  | "bad_flags"
  | "bad_algorithm"
  | "bad_key"
  | "bad_attestation"
  | "aaguid_not_allowed"
  | "wrong_credential"
  | "wrong_user"
  | "bad_signature";

export const credentialIdBytesMax = 1023;
/** Everything that is read of one response, in characters. */
export const responseCharsMax = 65_536;

/** The texts of a PublicKeyCredential as JSON (WebAuthn L3 §5.1); base64url, without padding. */
export type SentCredential = {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly texts: Readonly<Record<string, string>>;
  readonly transports: unknown;
};

type Read<Value> = { ok: true; value: Value } | { ok: false; reason: PasskeyRefusal };
const refuse = (reason: PasskeyRefusal): { ok: false; reason: PasskeyRefusal } => ({ ok: false, reason });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Own fields only: what a prototype holds was not sent. */
const field = (value: unknown, name: string): unknown =>
  isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** The one spelling of these bytes: without padding, of the URL alphabet, no bit to spare. */
export function exactBytes(text: unknown): Bytes | null {
  if (typeof text !== "string") return null;
  const bytes = fromBase64url(text);
  return bytes && base64url(bytes) === text ? bytes : null;
}

/** Takes the named texts out of what was sent; `optional` ones may be absent or null. */
export function readCredential(
  sent: unknown,
  required: readonly string[],
  optional: readonly string[] = [],
): Read<SentCredential> {
  const inner = field(sent, "response");
  const [id, rawId, clientDataJSON] = [
    field(sent, "id"),
    field(sent, "rawId"),
    field(inner, "clientDataJSON"),
  ];
  if (typeof id !== "string" || typeof clientDataJSON !== "string") return refuse("malformed");
  const texts: Record<string, string> = {};
  let size = id.length + clientDataJSON.length;
  for (const name of [...required, ...optional]) {
    const text = field(inner, name) ?? null;
    if (text === null && optional.includes(name)) continue;
    if (typeof text !== "string") return refuse("malformed");
    texts[name] = text;
    size += text.length;
  }
  if (size > responseCharsMax) return refuse("too_large");
  if (id !== rawId || field(sent, "type") !== "public-key") return refuse("malformed");
  const idBytes = exactBytes(id);
  if (!idBytes) return refuse("malformed");
  if (idBytes.length > credentialIdBytesMax) return refuse("too_large");
  return { ok: true, value: { id, clientDataJSON, texts, transports: field(inner, "transports") } };
}

/** What a response says its credential is, so that it can be looked up; nothing of it is proved. */
export function credentialIdOf(sent: unknown): string | null {
  const id = field(sent, "id");
  if (typeof id !== "string" || id.length > Math.ceil((credentialIdBytesMax * 4) / 3)) return null;
  return exactBytes(id) ? id : null;
}

/** What a response says it answers; nothing of it is proved. */
export function challengeOf(sent: unknown): string | null {
  const text = field(field(sent, "response"), "clientDataJSON");
  if (typeof text !== "string" || text.length > responseCharsMax) return null;
  const challenge = field(readClientData(text), "challenge");
  return typeof challenge === "string" ? challenge : null;
}

function readClientData(text: string): Record<string, unknown> | null {
  const bytes = exactBytes(text);
  if (!bytes) return null;
  try {
    const read: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    );
    return isRecord(read) ? read : null;
  } catch {
    return null;
  }
}

/** WebAuthn L3 §7.1 and §7.2: what the browser says it was asked, where, and by whom. */
export function refusalOfClientData(
  text: string,
  expected: { type: string; challenge: string; origins: readonly string[] },
): PasskeyRefusal | null {
  const data = readClientData(text);
  if (!data) return "malformed";
  if (field(data, "type") !== expected.type) return "wrong_type";
  if (field(data, "challenge") !== expected.challenge) return "wrong_challenge";
  const origin = field(data, "origin");
  if (typeof origin !== "string" || !expected.origins.includes(origin)) return "wrong_origin";
  // Our pages are never framed, so an answer from within a frame was got by somebody else's page.
  if ((field(data, "crossOrigin") ?? false) !== false || Object.hasOwn(data, "topOrigin"))
    return "cross_origin";
  return null;
}

export type AuthenticatorData = {
  readonly isUserVerified: boolean;
  readonly isBackupEligible: boolean;
  readonly isBackedUp: boolean;
  readonly signCount: number;
  readonly hasCredential: boolean;
  readonly hasExtensions: boolean;
};

/** The fixed part (WebAuthn L3 §6.1), for this relying party. */
export function readAuthenticatorData(data: Bytes, rpIdHash: Bytes): Read<AuthenticatorData> {
  if (data.length < 37) return refuse("malformed");
  if (!rpIdHash.every((byte, at) => data[at] === byte)) return refuse("wrong_rp");
  const flags = data[32] ?? 0;
  const has = (bit: number): boolean => (flags & (1 << bit)) !== 0;
  if (!has(0)) return refuse("user_absent");
  // A credential that cannot be backed up is not backed up (§6.1.3).
  if (has(4) && !has(3)) return refuse("bad_flags");
  const value = {
    isUserVerified: has(2),
    isBackupEligible: has(3),
    isBackedUp: has(4),
    signCount: new DataView(data.buffer, data.byteOffset).getUint32(33),
    hasCredential: has(6),
    hasExtensions: has(7),
  };
  return { ok: true, value };
}

/** Whether the data ends here, but for one map of extensions when its flag says so. */
export function endsAt(data: Bytes, at: number, hasExtensions: boolean): boolean {
  if (!hasExtensions) return data.length === at;
  const extensions = readCbor(data, at);
  return extensions?.value instanceof Map && extensions.end === data.length;
}
