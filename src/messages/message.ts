import type { FactorTemplate } from "./factor-words.ts";

/** When and from where something was done, as its owner is told. */
export type Circumstances = {
  readonly at: Date;
  readonly address: string;
  readonly country: string | null;
  readonly city?: string | null;
  readonly userAgent?: string | null;
};

export type LinkQuestion = {
  readonly template:
    | "confirm-address"
    | "confirm-for-passkey"
    | "confirm-new-address"
    | "recover"
    | "recover-for-passkey";
  readonly to: string;
  readonly link: string;
  readonly asked: Circumstances;
};

/** Something was asked for, by whoever: only who reads the mail can go on. */
export type Question =
  | LinkQuestion
  | { readonly template: "address-known"; readonly to: string; readonly asked: Circumstances };

export type PasswordTemplate = "password-changed" | "password-added" | "password-removed";

/** Something has happened: who did not do it must learn it, and what to do. */
export type Notice =
  | {
      readonly template:
        | PasswordTemplate
        | "account-deleted"
        | "sign-in-replayed"
        | "new-device"
        | FactorTemplate;
      readonly to: string;
      readonly done: Circumstances;
    }
  | {
      readonly template: "address-changed";
      readonly to: string;
      readonly newAddress: string;
      readonly done: Circumstances;
    };

/** A mail that is to be sent: which, to whom, and no more than its text needs. */
export type Message = Question | Notice;

/** A message in words: what a provider is given. */
export type Mail = {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
};
