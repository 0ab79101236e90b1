import { Secret, TOTP } from "otpauth/slim";
import type { Seal } from "../../crypto/seal.ts";
import type { Factor, FactorVerdict } from "../factor.ts";
import type { FactorRow } from "../store.ts";

/** RFC 6238 §4 with what every authenticator application reads: SHA-1, six digits, 30 seconds; 160 bits (RFC 4226 §4). */
const shape = { algorithm: "SHA1", digits: 6, period: 30 } as const;
const secretBytes = 20;
/** Six ASCII digits; spaces are how people and applications group them. */
const codeShape = /^[0-9]{6}$/;

export const sealContext = (factorId: string): string => `totp ${factorId}`;

/** A secret as an application reads it: typed, or from the QR code of `uri`. */
export function newTotpSecret(
  names: { readonly issuer: string; readonly account: string },
  known?: string,
): { secret: string; uri: string } {
  const secret = known === undefined ? new Secret({ size: secretBytes }) : Secret.fromBase32(known);
  // A colon would part the label in another place (Key URI Format).
  const issuer = names.issuer.replaceAll(":", " ");
  const totp = new TOTP({ ...shape, issuer, label: names.account, secret });
  return { secret: secret.base32, uri: totp.toString() };
}

/**
 * The time step a code is of, at most `window` steps from now to either side (RFC 6238 §5.2); null for any other text.
 * A step at or before `after` is not looked for: it was used already.
 */
export function stepOf(
  code: string,
  given: { readonly secret: string; readonly at: number; readonly window: number; readonly after: number },
): number | null {
  const digits = code.replaceAll(" ", "");
  if (!codeShape.test(digits)) return null;
  const totp = new TOTP({ ...shape, secret: Secret.fromBase32(given.secret) });
  const delta = totp.validate({ token: digits, timestamp: given.at, window: given.window });
  if (delta === null) return null;
  const step = Math.floor(given.at / (shape.period * 1000)) + delta;
  return step > given.after ? step : null;
}

export function totpFactor(sources: {
  readonly seal: Pick<Seal, "open">;
  readonly windowSteps: number;
  readonly now: () => number;
}): Factor<"totp"> {
  return {
    kind: "totp",
    guesses: "closed",

    isOf: () => true,

    async verify(row: FactorRow, { code }): Promise<FactorVerdict> {
      const opened = await sources.seal.open(row.secret ?? "", sealContext(row.id));
      if (!opened.ok) return { ok: false, reason: "unreadable" };
      const given = { secret: opened.plaintext, at: sources.now(), window: sources.windowSteps };
      const step = stepOf(code, { ...given, after: row.counter });
      if (step !== null)
        return { ok: true, use: { kind: "totp", factorId: row.id, step }, isUserVerified: false };
      const wasRight = stepOf(code, { ...given, after: -1 }) !== null;
      return { ok: false, reason: wasRight ? "replayed" : "wrong_code" };
    },
  };
}
