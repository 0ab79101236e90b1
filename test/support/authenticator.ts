import { type Bytes, base64url, fromBase64url, utf8 } from "../../src/crypto/bytes.ts";
import type { PasskeyCreationOptions, PasskeyRequestOptions } from "../../src/mfa/passkey-options.ts";
import { type AuthenticatorKey, type KeyKind, makeAuthenticatorKey } from "./authenticator-keys.ts";
import { type Encodable, encodeCbor } from "./cbor.ts";

/** What an authenticator or a browser does differently for one answer. */
export type Deviations = {
  origin?: string;
  rpId?: string;
  type?: string;
  challenge?: string;
  crossOrigin?: unknown;
  topOrigin?: string;
  isUserPresent?: boolean;
  isUserVerified?: boolean;
  isBackupEligible?: boolean;
  isBackedUp?: boolean;
  signCount?: number;
  userHandle?: string | null;
  /** The data of a sign-in as it is signed, changed. */
  alterData?: (authenticatorData: Bytes) => Bytes;
  /** Members of client data that no one knows, or that stand for others. */
  clientData?: Record<string, unknown>;
};

export type RegisterDeviations = Deviations & {
  kind?: KeyKind;
  aaguid?: string;
  attestation?: "none" | "packed-self";
  credentialId?: Bytes;
  transports?: unknown;
  coseKey?: Bytes;
  /** The attestation object as it would be sent, changed. */
  alter?: (attestationObject: Bytes) => Bytes;
};

export type SentRegistration = {
  id: string;
  rawId: string;
  type: string;
  authenticatorAttachment: string;
  clientExtensionResults: Record<string, unknown>;
  response: { clientDataJSON: string; attestationObject: string; transports: unknown };
};

export type SentAssertion = {
  id: string;
  rawId: string;
  type: string;
  authenticatorAttachment: string;
  clientExtensionResults: Record<string, unknown>;
  response: {
    clientDataJSON: string;
    authenticatorData: string;
    signature: string;
    userHandle: string | null;
  };
};

type Held = {
  credentialId: string;
  key: AuthenticatorKey;
  userHandle: string;
  isBackupEligible: boolean;
  signCount: number;
};

const digest = async (bytes: Bytes): Promise<Bytes> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
export const joined = (...parts: Uint8Array[]): Bytes => new Uint8Array(parts.flatMap((part) => [...part]));

/**
 * An authenticator and the browser it is plugged into, in software: it holds passkeys and answers as JSON, as
 * PublicKeyCredential.toJSON() does. Synced by default, with a counter that stays at 0.
 */
export function createAuthenticator({ rpId, origin }: { rpId: string; origin: string }) {
  const held = new Map<string, Held>();

  function clientDataOf(type: string, challenge: string, more: Deviations): Bytes {
    const { crossOrigin = false, topOrigin } = more;
    const data = {
      type: more.type ?? type,
      challenge: more.challenge ?? challenge,
      origin: more.origin ?? origin,
      crossOrigin,
      ...(topOrigin !== undefined && { topOrigin }),
      ...more.clientData,
    };
    return utf8(JSON.stringify(data));
  }

  async function headOf(more: Deviations, signCount: number, hasCredential: boolean): Promise<Bytes> {
    const { isUserPresent = true, isUserVerified = true, isBackupEligible = true, isBackedUp = true } = more;
    const bits = [isUserPresent, false, isUserVerified, isBackupEligible, isBackedUp, false, hasCredential];
    const flags = bits.reduce((sum, bit, at) => sum + (bit ? 1 << at : 0), 0);
    const tail = new DataView(new ArrayBuffer(5));
    tail.setUint8(0, flags);
    tail.setUint32(1, signCount);
    return joined(await digest(utf8(more.rpId ?? rpId)), new Uint8Array(tail.buffer));
  }

  async function register(
    options: PasskeyCreationOptions,
    more: RegisterDeviations = {},
  ): Promise<SentRegistration> {
    const excluded = options.excludeCredentials.some(({ id }) => held.has(id));
    // As a browser says it: InvalidStateError.
    if (excluded) throw new Error("this authenticator already holds one of the excluded credentials");
    const key = await makeAuthenticatorKey(more.kind ?? "ES256");
    const idBytes = more.credentialId ?? crypto.getRandomValues(new Uint8Array(32));
    const credentialId = base64url(idBytes);
    const { isBackupEligible = true, signCount = 0 } = more;
    held.set(credentialId, { credentialId, key, userHandle: options.user.id, isBackupEligible, signCount });
    const clientData = clientDataOf("webauthn.create", options.challenge, more);
    const authData = joined(
      await headOf(more, signCount, true),
      uuidBytes(more.aaguid ?? "00000000-0000-0000-0000-000000000000"),
      new Uint8Array([idBytes.length >> 8, idBytes.length & 255]),
      idBytes,
      more.coseKey ?? key.cose,
    );
    const statement = new Map<string, Encodable>();
    if (more.attestation === "packed-self") {
      statement.set("alg", key.algorithm);
      statement.set("sig", await key.sign(joined(authData, await digest(clientData))));
    }
    const object = encodeCbor(
      new Map<string, Encodable>([
        ["fmt", more.attestation === "packed-self" ? "packed" : "none"],
        ["attStmt", statement],
        ["authData", authData],
      ]),
    );
    return {
      id: credentialId,
      rawId: credentialId,
      type: "public-key",
      authenticatorAttachment: "platform",
      clientExtensionResults: {},
      response: {
        clientDataJSON: base64url(clientData),
        attestationObject: base64url((more.alter ?? ((same) => same))(object)),
        transports: more.transports ?? ["internal", "hybrid"],
      },
    };
  }

  /** The first passkey that is allowed, or the last one made when any is. */
  function chosen({ allowCredentials }: PasskeyRequestOptions): Held {
    const allowed = allowCredentials.map(({ id }) => held.get(id)).find((one) => one !== undefined);
    const found = allowCredentials.length === 0 ? [...held.values()].at(-1) : allowed;
    if (!found) throw new Error("this authenticator holds no credential that was asked for");
    return found;
  }

  async function assert(options: PasskeyRequestOptions, more: Deviations = {}): Promise<SentAssertion> {
    const passkey = chosen(options);
    passkey.signCount = more.signCount ?? (passkey.signCount === 0 ? 0 : passkey.signCount + 1);
    const { isBackupEligible } = passkey;
    const flags = { isBackupEligible, isBackedUp: isBackupEligible, ...more };
    const clientData = clientDataOf("webauthn.get", options.challenge, more);
    const alter = more.alterData ?? ((same: Bytes) => same);
    const authData = alter(await headOf(flags, passkey.signCount, false));
    const signature = await passkey.key.sign(joined(authData, await digest(clientData)));
    return {
      id: passkey.credentialId,
      rawId: passkey.credentialId,
      type: "public-key",
      authenticatorAttachment: "platform",
      clientExtensionResults: {},
      response: {
        clientDataJSON: base64url(clientData),
        authenticatorData: base64url(authData),
        signature: base64url(signature),
        userHandle: more.userHandle === undefined ? passkey.userHandle : more.userHandle,
      },
    };
  }

  return { register, assert, credentialIds: () => [...held.keys()] };
}

export type Authenticator = ReturnType<typeof createAuthenticator>;

const uuidBytes = (uuid: string): Bytes =>
  new Uint8Array((uuid.replaceAll("-", "").match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));

/** The bytes of what this file encoded. */
export function bytesOf(text: string): Bytes {
  const bytes = fromBase64url(text);
  if (!bytes) throw new Error("not base64url");
  return bytes;
}
