import type { Background } from "../audit/audit.ts";
import type { Origin, Party } from "../audit/events.ts";
import type { Level } from "../tokens/levels.ts";
import type { FactorRow } from "./store.ts";
import type { factorKinds } from "./tables.ts";

export type FactorKind = (typeof factorKinds)[number];

/** Who changes or proves something, on whose behalf events are written. */
export type Operator = { readonly actor: Party; readonly origin: Origin; readonly background: Background };

/** What proving a factor adds to what was proved before, in the words of `acr` and `amr`. */
export type Proved = { readonly level: Level; readonly methods: readonly string[] };

/** What must still be true of the row in the statement that uses the proof, and what that statement leaves behind. */
export type Use =
  /** RFC 6238 §5.2: a time step is accepted once, and none before it any more. */
  | { readonly kind: "totp"; readonly factorId: string; readonly step: number }
  | { readonly kind: "recovery-codes"; readonly factorId: string; readonly codeHash: string }
  | {
      readonly kind: "passkey";
      readonly factorId: string;
      readonly signCount: number;
      readonly isBackedUp: boolean;
      readonly challenge: { readonly key: string; readonly expiresAt: Date };
    };

export type FactorVerdict =
  | { readonly ok: true; readonly use: Use; readonly isUserVerified: boolean }
  | {
      readonly ok: false;
      readonly reason: "wrong_code" | "wrong_passkey" | "expired" | "replayed" | "unreadable";
    };

/** What somebody shows: a code as it was typed, or what a browser's authenticator answered. */
export type Shown =
  | { readonly kind: "totp" | "recovery-codes"; readonly code: string }
  | { readonly kind: "passkey"; readonly response: unknown; readonly binding: string };

/** One kind of factor. Attempts, replay, audit and mails are written once, around all of them. */
export type Factor<Kind extends FactorKind = FactorKind> = {
  readonly kind: Kind;
  /** `closed`: guessing could succeed, so too many wrong ones close it. `slowed`: it could not. Null: nothing to guess. */
  readonly guesses: "closed" | "slowed" | null;
  /** Whether what is shown claims to be of this row: a passkey names its own. */
  readonly isOf: (row: FactorRow, shown: Shown & { readonly kind: Kind }) => boolean;
  readonly verify: (row: FactorRow, shown: Shown & { readonly kind: Kind }) => Promise<FactorVerdict>;
};

/** A confirmed factor as its owner sees it. */
export type FactorShown = {
  readonly id: string;
  readonly kind: FactorKind;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  /** Of recovery codes only. */
  readonly codesLeft: number | null;
  /** Of passkeys only: whether it is kept in more than one place, and whether it proves its user. */
  readonly isBackedUp: boolean | null;
  readonly isUserVerified: boolean | null;
};
