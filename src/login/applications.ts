import type { Operator } from "../sessions/sessions.ts";

/** An application that a person let in, as their account shows it. */
export type ApplicationShown = {
  readonly clientId: string;
  readonly name: string;
  readonly clientUri: string | null;
  readonly scopes: readonly { readonly name: string; readonly title: string }[];
  readonly allowedAt: Date;
};

/** What the room below, which knows the applications, can be asked by the pages of an account. */
export type Applications = {
  readonly list: (accountId: string) => Promise<readonly ApplicationShown[]>;
  /** Its consent and all that it was given end. False: it had none. */
  readonly revoke: (accountId: string, clientId: string, operator: Operator) => Promise<boolean>;
};
