import { AuthError } from "../errors/auth-error.ts";
import { guessedPasswords } from "./guessed-passwords.ts";

/** A password's length is counted in characters as people count them, more or less: code points after NFC. */
export const passwordLengthMax = 256;
/** Before anything is made of it: no letter has more than a few marks. */
const writtenMax = 2048;
const contextWordMin = 4;
const ownWords = ["gatehouse"];

export type PasswordPolicy = {
  /** 15 while a password alone opens an account, 8 where a second factor is required. */
  readonly lengthMin: 8 | 15;
  /** Words that anybody would try here: of the service's name and host. */
  readonly contextWords: readonly string[];
};

/** NIST SP 800-63B-4's list: length and a blocklist, no rules of composition, every character allowed. */
export const policyFor = (issuer: string, isSecondFactorRequired: boolean): PasswordPolicy => ({
  lengthMin: isSecondFactorRequired ? 8 : 15,
  contextWords: [...ownWords, ...wordsOf(new URL(issuer).hostname)],
});

/** RFC 8265 §4.2.2: one password, however the keyboard composed its letters. Null for what is no text that can be kept. */
export function readPassword(input: unknown): string | null {
  if (typeof input !== "string" || input.length > writtenMax || !input.isWellFormed()) return null;
  const password = input.normalize("NFC");
  return lengthOf(password) > passwordLengthMax ? null : password;
}

/** Throws `password_refused` with the one reason that the person can act upon. */
export function requireAcceptable(password: string | null, policy: PasswordPolicy, email: string): string {
  if (password === null) throw refused(`it must be a text of at most ${passwordLengthMax} characters`);
  if (lengthOf(password) < policy.lengthMin)
    throw refused(`it must have at least ${policy.lengthMin} characters`);
  const lower = password.toLowerCase();
  if (isMonotonous(lower)) throw refused("it repeats itself, or follows the alphabet or the number keys");
  const context = [...policy.contextWords, ...wordsOf(email)];
  if (isCommon(lower, context)) throw refused("it is among the passwords that are guessed first");
  if (lengthOf(withoutAny(lower, context)) < lengthOf(lower) / 2)
    throw refused("it is made of the address or of the name of this service");
  return password;
}

/** A breached password is refused in the same voice. */
export const refused = (reason: string): AuthError => new AuthError("password_refused", reason);

const lengthOf = (text: string): number => [...text].length;

/** `ana.lopez@example.com`: ana, lopez, example. Short parts would forbid half the language. */
function wordsOf(name: string): string[] {
  const words = name.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return words.filter((word) => word.length >= contextWordMin);
}

/** Common by itself, or made of two words that are common or belong to the place: `password12345678`. */
function isCommon(lower: string, context: readonly string[]): boolean {
  const isKnown = (text: string) => guessedPasswords.has(text) || context.includes(text);
  if (isKnown(lower)) return true;
  for (let at = contextWordMin; at <= lower.length - contextWordMin; at += 1) {
    if (isKnown(lower.slice(0, at)) && isKnown(lower.slice(at))) return true;
  }
  return false;
}

const withoutAny = (text: string, words: readonly string[]): string =>
  words.reduce((rest, word) => rest.replaceAll(word, ""), text);

const keyboardRows = ["abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890", "qwertyuiopasdfghjklzxcvbnm"];

/** A short piece over and over, or one long run along a row. */
function isMonotonous(lower: string): boolean {
  for (let length = 1; length <= Math.min(8, lower.length / 2); length += 1) {
    const piece = lower.slice(0, length);
    if (piece.repeat(Math.ceil(lower.length / length)).startsWith(lower)) return true;
  }
  const reversed = [...lower].reverse().join("");
  const runs = keyboardRows.map((row) => row.repeat(12));
  return runs.some((row) => row.includes(lower) || row.includes(reversed));
}
