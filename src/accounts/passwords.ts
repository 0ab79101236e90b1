import type { PasswordHash } from "../crypto/password-hash.ts";
import type { BreachedPasswords } from "./breached-passwords.client.ts";
import { type PasswordPolicy, readPassword, refused, requireAcceptable } from "./password-policy.ts";

/** What is hashed where a text cannot be a password at all: the work is the same, and it matches nothing. */
const unreadable = "\u0000";

/** Passwords as people choose and give them. */
export function createPasswords(options: {
  hash: PasswordHash;
  /** Null: no service is configured, the blocklist stands alone. */
  breached: BreachedPasswords | null;
  policy: PasswordPolicy;
}) {
  const { hash, breached, policy } = options;

  return {
    /** Throws `password_refused` before anything is asked of anybody. */
    requireAcceptable: (input: unknown, email: string): string =>
      requireAcceptable(readPassword(input), policy, email),

    /** The hash of a password that has passed; throws `password_refused` when it is known from a breach. */
    async hashChosen(password: string, whose?: string): Promise<string> {
      if (await breached?.isBreached(password)) throw refused("it is known from a breach of another service");
      return await hash.hash(password, whose);
    },

    /** One hash, whatever is stored and whatever was sent. */
    async verify(
      input: unknown,
      storedHash: string | null,
      whose?: string,
    ): Promise<{ readonly matches: boolean; readonly needsUpgrade: boolean }> {
      const password = readPassword(input);
      return await hash.verify(password ?? unreadable, password === null ? null : storedHash, whose);
    },

    /** Of a password that has just matched: kept as the newest parameters and pepper have it. */
    rehash: (input: unknown): Promise<string> => hash.hash(readPassword(input) ?? unreadable),
  };
}

export type Passwords = ReturnType<typeof createPasswords>;
