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
  | { readonly ok: true; readonly standings: readonly Standing[]; readonly degraded: readonly string[] }
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
