import type { sessionKinds } from "./tables.ts";

export type SessionKind = (typeof sessionKinds)[number];

/** What the edge and the browser tell of where a session is. Shown to its owner, never decided by. */
export type Device = {
  readonly userAgent: string;
  readonly address: string;
  readonly city: string | null;
  readonly country: string | null;
};

export const userAgentMax = 256;

/** A live session, as its owner sees it. */
export type SessionShown = Device & {
  readonly id: string;
  readonly kind: SessionKind;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  /** When it ends though it is used. */
  readonly absoluteExpiresAt: Date;
};

/** Who is behind a page's cookie. */
export type LiveSession = SessionShown & {
  readonly accountId: string;
  readonly email: string;
  readonly scopes: readonly string[];
  /** Of the account, as it is now. */
  readonly version: number;
  readonly factorKinds: readonly string[];
  readonly hasPassword: boolean;
};
