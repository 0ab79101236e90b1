/** What a limit answers when Redis cannot be asked: let pass, refuse, or count in this isolate alone. */
export type WhenUnavailable = "open" | "closed" | "local";

export type Limit = {
  readonly name: string;
  readonly permits: number;
  readonly windowSeconds: number;
  readonly whenUnavailable: WhenUnavailable;
};

/** Limits of our own doors, by name. Those of keys and routes come with their records. */
export const limits = {
  /** Malformed and forged keys of one address, counted in the isolate: they cost no call, and past this not even an answer of ours. */
  refusedOffline: { name: "refused-offline", permits: 600, windowSeconds: 60, whenUnavailable: "local" },
  /** Look-ups that found nothing, of one address: a guesser needs our tag secret to get this far. Braked before the database. */
  refusedUnknown: { name: "refused-unknown", permits: 30, windowSeconds: 60, whenUnavailable: "local" },
  /** The same of one caller that passes on keys without their addresses: it stands for many, one of whom may be guessing. */
  refusedUnknownOfCaller: {
    name: "refused-unknown-of-caller",
    permits: 600,
    windowSeconds: 60,
    whenUnavailable: "local",
  },
  /** Calls of one management key. */
  management: { name: "management", permits: 1200, windowSeconds: 60, whenUnavailable: "local" },
  /** Calls of a person's own applications at their account. */
  ownAccount: { name: "own-account", permits: 600, windowSeconds: 60, whenUnavailable: "local" },
  /** Passwords that one person's applications give at the account, right ones too: each is a hash, some are a mail to anybody. */
  ownPassword: { name: "own-password", permits: 30, windowSeconds: 3600, whenUnavailable: "local" },
  /** Sign-ins of one network, good ones too: each is a hash, most are a row, and nothing of it is given back. */
  signInWork: { name: "sign-in-work", permits: 3000, windowSeconds: 600, whenUnavailable: "local" },
  /**
   * Sign-ins of one account, good or not: each session that ends is remembered by every isolate for as long as its tokens
   * could live. Far more than guesses may ever be, so no stranger can use it up.
   */
  signInAccount: { name: "sign-in-account", permits: 1000, windowSeconds: 3600, whenUnavailable: "local" },
  /** Sign-ins that failed, of one network: a success gives back what it took. */
  signInNetwork: { name: "sign-in-network", permits: 300, windowSeconds: 600, whenUnavailable: "local" },
  /**
   * Sign-ins that failed, for one address, or from one device that is known to it: the delay rises with the guesses, and
   * fifty a day are hopeless. Strangers share the count of the address; a known device has its own, so that nobody is
   * locked out of where they are at home.
   */
  signInBurst: { name: "sign-in-burst", permits: 5, windowSeconds: 30, whenUnavailable: "local" },
  signInMinutes: { name: "sign-in-minutes", permits: 10, windowSeconds: 300, whenUnavailable: "local" },
  signInHour: { name: "sign-in-hour", permits: 20, windowSeconds: 3600, whenUnavailable: "local" },
  signInDay: { name: "sign-in-day", permits: 50, windowSeconds: 86_400, whenUnavailable: "local" },
  registerNetwork: { name: "register-network", permits: 200, windowSeconds: 3600, whenUnavailable: "local" },
  recoverNetwork: { name: "recover-network", permits: 100, windowSeconds: 3600, whenUnavailable: "local" },
  /** Mails that strangers can have sent to one address; past it none is sent, and nobody is told. */
  mailAddress: { name: "mail-address", permits: 5, windowSeconds: 3600, whenUnavailable: "local" },
  /**
   * Mails about sign-ins from new devices, to one address. Counted apart: only who knows the password can use it up, and has
   * then been told of; were it one with `mailAddress`, a thief could silence the alarm from outside before coming in.
   */
  newDeviceMails: { name: "new-device-mails", permits: 5, windowSeconds: 3600, whenUnavailable: "local" },
  /**
   * Recoveries mailed to one address, counted apart, and freed before the last link is over: so whoever asks in the
   * owner's stead leaves them with a link that works.
   */
  recoverAddress: { name: "recover-address", permits: 3, windowSeconds: 1600, whenUnavailable: "local" },
  /**
   * Codes by text message, which cost money: to one number, to its ten thousand to a million neighbours (seven digits), by
   * one network, for one account, and all that one contract with a provider pays in a day. Uncounted none is sent.
   */
  smsNumber: { name: "sms-number", permits: 5, windowSeconds: 3600, whenUnavailable: "closed" },
  smsNumberDay: { name: "sms-number-day", permits: 10, windowSeconds: 86_400, whenUnavailable: "closed" },
  smsPrefix: { name: "sms-prefix", permits: 30, windowSeconds: 3600, whenUnavailable: "closed" },
  smsNetwork: { name: "sms-network", permits: 20, windowSeconds: 3600, whenUnavailable: "closed" },
  smsAccount: { name: "sms-account", permits: 10, windowSeconds: 86_400, whenUnavailable: "closed" },
  smsDay: { name: "sms-day", permits: 2000, windowSeconds: 86_400, whenUnavailable: "closed" },
  /** Texts that tell a number that it is no more, to it and for one account: apart, so that codes cannot silence them. */
  smsNotices: { name: "sms-notices", permits: 3, windowSeconds: 86_400, whenUnavailable: "closed" },
  /** Links of mails that were none, of one network: who was never sent one soon asks the store for nothing. */
  refusedFactors: {
    name: "refused-factors",
    permits: 120,
    windowSeconds: 60,
    whenUnavailable: "local",
  },
  /**
   * Clients that did not prove themselves, of one network, and at one client. Past it the answer is another one and strangers'
   * ids are not looked up; a right secret is let in all the same, so that nobody can lock a client out.
   */
  refusedClientsOfNetwork: {
    name: "refused-clients-of-network",
    permits: 300,
    windowSeconds: 60,
    whenUnavailable: "local",
  },
  refusedClient: { name: "refused-client", permits: 300, windowSeconds: 60, whenUnavailable: "local" },
  /** Devices that ask for a person: each is a row. */
  deviceRequests: { name: "device-requests", permits: 300, windowSeconds: 600, whenUnavailable: "local" },
  /** Codes of devices that were none (RFC 8628 §5.1), of one account and of one network. */
  wrongUserCodes: { name: "wrong-user-codes", permits: 20, windowSeconds: 3600, whenUnavailable: "local" },
  wrongUserCodesOfNetwork: {
    name: "wrong-user-codes-of-network",
    permits: 60,
    windowSeconds: 600,
    whenUnavailable: "local",
  },
  refusedLinks: { name: "refused-links", permits: 60, windowSeconds: 60, whenUnavailable: "local" },
} as const satisfies Record<string, Limit>;

export type OwnLimit = keyof typeof limits;

/** One limit asked of one subject. `subject` is `<kind>:<id>`, our own words first, so that no id can imitate a kind. */
export type Demand = { readonly limit: Limit; readonly subject: string; readonly cost: number };

export type Standing = {
  readonly name: string;
  readonly permits: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  readonly resetSeconds: number;
};

export type Taken =
  | {
      readonly ok: true;
      /** The time at which it was counted: where `giveBack` finds it. */
      readonly takenAt: number;
      readonly standings: readonly Standing[];
      readonly degraded: readonly string[];
    }
  | {
      readonly ok: false;
      readonly reason: "over" | "unavailable";
      /** The limits that refused. */
      readonly names: readonly string[];
      /** Undefined: the cost is above the limit, and no wait will grant it. */
      readonly retryAfterSeconds: number | undefined;
      readonly standings: readonly Standing[];
      readonly degraded: readonly string[];
    };
