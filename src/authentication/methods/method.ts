import type { Demand, Limit, Standing } from "../../rate-limits/limits.ts";
import type { LevelDemand } from "../../tokens/level-policy.ts";
import type { Presented } from "../presented.ts";
import type { CredentialKind, Verdict } from "../principal.ts";

/** A limit of a route, and what it counts. */
export type RouteLimit = Limit & { readonly per: "key" | "owner" | "address" };

/** What an earlier judgement of the same request took: the limits of its credential, and these of its route. */
export type TakenBefore = {
  readonly limits: readonly RouteLimit[];
  readonly standings: readonly Standing[];
  readonly degraded: readonly string[];
};

/** What a route asks of a request. */
export type Question = {
  readonly credentials: readonly (CredentialKind | "public")[];
  readonly scopes: readonly string[];
  /** Whom a token must be meant for: one of these. A key is meant for everything of ours. */
  readonly audiences: readonly string[];
  /** How strongly and how lately the person behind a token must have signed in; a key or certificate proves no person. */
  readonly levelDemands?: readonly LevelDemand[];
  /** A person at their own account: LEVEL_POLICY does not bind, or they could never add the factor that it demands. */
  readonly isOwnAccount?: boolean;
  readonly limits: readonly RouteLimit[];
  /** Keeps the limits of two routes apart. */
  readonly routeId: string;
  readonly cost: number;
  /** The trusted caller that passes on a request of somebody else. */
  readonly caller?: string;
  readonly taken?: TakenBefore | null | undefined;
  readonly visit: {
    readonly arrivedAt: number;
    readonly address: string;
    /** The address as limits count it: an IPv6 caller has a whole /64. */
    readonly network: string;
    readonly country: string | null;
    readonly background: (work: Promise<unknown>) => void;
  };
};

/** A way to prove who one is. A new one is a file here and a line in the list. */
export type CredentialMethod = {
  readonly kind: CredentialKind;
  accepts(presented: Presented): boolean;
  /** Whether a text says by its beginning that it is one of ours, good or bad; left out: each that it accepts. */
  claims?(text: string): boolean;
  /** What can be refused without a call, or null. */
  screen(text: string, visit: Question["visit"]): Promise<Verdict | null>;
  verify(text: string, question: Question): Promise<Verdict>;
};

/** The route's limits as demands. An identity that is not there (`public` has no key) falls back to the address. */
export function demandsOf(question: Question, identity: { key?: string; owner?: string }): Demand[] {
  return untaken(question).map(({ per, ...limit }) => {
    const id = per === "address" ? undefined : identity[per];
    const subject = id === undefined ? `address:${question.visit.network}` : `${per}:${id}`;
    return { limit, subject: `route:${question.routeId}:${subject}`, cost: question.cost };
  });
}

/** A limit is one count as long as its name, its window and whom it counts stay the same. */
function untaken({ limits, taken }: Question): readonly RouteLimit[] {
  if (!taken) return limits;
  const isSame = (one: RouteLimit, other: RouteLimit) =>
    one.name === other.name && one.windowSeconds === other.windowSeconds && one.per === other.per;
  return limits.filter((limit) => !taken.limits.some((before) => isSame(before, limit)));
}
