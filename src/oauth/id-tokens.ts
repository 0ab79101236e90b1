import { compactVerify, decodeProtectedHeader } from "jose";
import { base64url, utf8 } from "../crypto/bytes.ts";
import type { SigningKeys } from "../signing-keys/signing-keys.ts";
import type { Client, SigningAlgorithm } from "./client.ts";

/** Long enough for a client to look at it once, with clocks that differ. */
const lifeSeconds = 600;

/** Who signed in, when and how, as one client is told. */
export type IdTokenDraft = {
  readonly client: Client;
  readonly subject: string;
  /** The grant: another one at each client and each sign-in there, so that no two clients can compare it. */
  readonly sid: string;
  readonly authTime: Date;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly nonce: string | null;
  readonly accessToken: string;
  /** Beside the protocol's own; those cannot be overwritten. */
  readonly claims: Readonly<Record<string, unknown>>;
};

/** What an ID token of ours says that somebody brought back, however old (OIDC Core §3.1.2.1). */
export type Hint = { readonly clientId: string; readonly subject: string; readonly sid: string | null };

/** The names of hash functions by algorithm (OIDC Core §3.1.3.6). Ed25519 is built on SHA-512. */
const hashOf: Readonly<Record<SigningAlgorithm, string>> = {
  RS256: "SHA-256",
  ES256: "SHA-256",
  EdDSA: "SHA-512",
};

/** ID tokens (OIDC Core §3.1.3.3), signed with keys that sign nothing else: no other token of ours passes for one. */
export function createIdTokens(options: {
  signingKeys: Pick<SigningKeys, "sign" | "verificationKey">;
  issuer: string;
  now: () => number;
}) {
  const { signingKeys, issuer, now } = options;

  /** OIDC Core §3.1.3.6: the left half of the hash. */
  async function halfHash(text: string, algorithm: SigningAlgorithm): Promise<string> {
    const whole = new Uint8Array(await crypto.subtle.digest(hashOf[algorithm], utf8(text)));
    return base64url(whole.slice(0, whole.length / 2));
  }

  return {
    async issue(draft: IdTokenDraft): Promise<string> {
      const { client, nonce } = draft;
      const iat = Math.floor(now() / 1000);
      const claims = {
        ...draft.claims,
        iss: issuer,
        sub: draft.subject,
        aud: client.id,
        iat,
        exp: iat + lifeSeconds,
        auth_time: Math.floor(draft.authTime.getTime() / 1000),
        acr: draft.acr,
        amr: [...draft.amr],
        sid: draft.sid,
        at_hash: await halfHash(draft.accessToken, client.idTokenAlgorithm),
        ...(nonce === null ? {} : { nonce }),
      };
      return await signingKeys.sign("id-token", "JWT", claims, client.idTokenAlgorithm);
    },

    /** Null: not one of ours, or its key is gone. Its end does not matter: it proves who somebody was, and opens nothing. */
    async readHint(text: string): Promise<Hint | null> {
      try {
        const { kid, alg, typ } = decodeProtectedHeader(text);
        // A logout token says nearly the same, signed by the same key.
        if (typ !== "JWT") return null;
        const key = typeof kid === "string" ? await signingKeys.verificationKey("id-token", kid) : null;
        if (!key || alg !== key.algorithm) return null;
        const { payload } = await compactVerify(text, key.key, { algorithms: [key.algorithm] });
        return hintIn(JSON.parse(new TextDecoder().decode(payload)), issuer);
      } catch (thrown) {
        if (thrown instanceof Error && thrown.name === "AuthError") throw thrown;
        return null;
      }
    },
  };
}

export type IdTokens = ReturnType<typeof createIdTokens>;

function hintIn(claims: Record<string, unknown>, issuer: string): Hint | null {
  const { iss, aud, sub, sid } = claims;
  if (iss !== issuer || typeof aud !== "string" || typeof sub !== "string") return null;
  return { clientId: aud, subject: sub, sid: typeof sid === "string" ? sid : null };
}
