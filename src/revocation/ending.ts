/** What ends tokens that nobody can call back: see `denylist.ts`. */
export const tokenKinds = ["jti", "session", "subject", "client", "signing-key"] as const;
export type TokenKind = (typeof tokenKinds)[number];

/**
 * What a change is about. `person`: an account was disabled, enabled or deleted, and with it the keys it owns.
 * `registration`: an OAuth client was changed, disabled or deleted.
 */
export const changeKinds = ["key", "person", "routes", "registration", ...tokenKinds] as const;
export type ChangeKind = (typeof changeKinds)[number];

/** No access token may live longer; the configuration refuses more. */
export const tokenLifeMaxSeconds = 900;
/** How far the clocks of verifiers may be behind ours. */
export const clockSkewSeconds = 60;

/** A copy of something is no longer true. `expiresAt`: of a key that is revoked, how long Redis keeps `revoked:key:…`. */
export type CopyChange = {
  readonly kind: Exclude<ChangeKind, TokenKind>;
  readonly subjectId: string;
  readonly expiresAt?: Date | null;
};

/** Tokens end: all that name the subject, or (`subject`, `client`) those of them issued before `notedAt`. */
export type Ending = {
  readonly kind: TokenKind;
  readonly subjectId: string;
  readonly notedAt: Date;
  readonly expiresAt: Date;
};

export type Change = CopyChange | Ending;
export type PendingChange = Change & { readonly number: number };

export const isTokenKind = (kind: string): kind is TokenKind =>
  (tokenKinds as readonly string[]).includes(kind);

export const isEnding = (change: Change): change is Ending => isTokenKind(change.kind);

/** When the last token that an ending of this time can concern has expired at the slowest verifier. */
export const endOf = (notedAt: Date, tokenExpiresAt?: Date): Date => {
  const last = tokenExpiresAt?.getTime() ?? notedAt.getTime() + tokenLifeMaxSeconds * 1000;
  return new Date(last + clockSkewSeconds * 1000);
};
