/**
 * RFC 8628 §6.1: twenty letters that make no words and are not taken for one another. Eight of them are 34.5 bits: with
 * the limits on wrong codes (20 an hour of one account, 60 in ten minutes of one network) and a thousand devices waiting
 * at once, an account guesses one in 146 years on average, and then has let a stranger's device into itself.
 */
const alphabet = "BCDFGHJKLMNPQRSTVWXZ";
const length = 8;
const typedMax = 32;

/** Uniform: bytes of 240 and above are thrown away. */
export function newUserCode(): string {
  let code = "";
  while (code.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length * 2))) {
      if (byte < 240 && code.length < length) code += alphabet.charAt(byte % alphabet.length);
    }
  }
  return code;
}

/** As people type it: small letters, spaces and dashes anywhere. Null: it cannot be one. */
export function parseUserCode(typed: string): string | null {
  if (typed.length > typedMax) return null;
  const code = typed.replaceAll(/[\s\-‐-―]/g, "").toUpperCase();
  return code.length === length && [...code].every((letter) => alphabet.includes(letter)) ? code : null;
}

/** As people read it: `WDJB-MJHT`. */
export const userCodeShown = (code: string): string => `${code.slice(0, 4)}-${code.slice(4)}`;
