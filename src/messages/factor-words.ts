/** What happened to somebody's second factors, as the subject of a mail and its first sentence. */
export const factorWords = {
  "totp-added": ["An authenticator app was added", "An authenticator app can now confirm your sign-ins."],
  "totp-removed": ["Your authenticator app was removed", "Its codes no longer confirm your sign-ins."],
  "passkey-added": ["A passkey was added", "A new passkey can now sign in to your account."],
  "passkey-removed": ["A passkey was removed", "It no longer signs in to your account."],
  "phone-added": [
    "A phone number was added",
    "Codes by text message to a number that was confirmed can now confirm your sign-ins.",
  ],
  "phone-changed": [
    "Your phone number was changed",
    "Codes by text message now go to another number; the one from before receives none.",
  ],
  "phone-removed": ["Your phone number was removed", "No codes are sent to it any more."],
  "recovery-codes-made": [
    "New recovery codes",
    "New recovery codes were made. Any from before no longer work.",
  ],
  "recovery-codes-removed": ["Your recovery codes were removed", "They no longer open your account."],
  "recovery-code-used": [
    "A recovery code was used",
    "Somebody signed in with one of your recovery codes. That code does not work again; the others do.",
  ],
  "device-remembered": [
    "A device was remembered",
    "One of your devices will not be asked for the second step for some days: your password alone signs in there.",
  ],
  "second-factor-guessed": [
    "Wrong codes at your sign-in",
    "Somebody gave several wrong codes in a row, after the right password. If it was not you, your password is known to somebody else.",
  ],
  "second-factors-reset": [
    "Your second factors were removed",
    "Those who run this service removed your authenticator app, passkeys and recovery codes. The password alone opens the account now; where there is none, a link to your address does.",
  ],
} as const satisfies Record<string, readonly [subject: string, sentence: string]>;

export type FactorTemplate = keyof typeof factorWords;
