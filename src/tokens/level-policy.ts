import { type Level, levels } from "./levels.ts";

/** What a door asks of the person behind a token; null: nothing. A key or certificate proves no person and is not bound. */
export type LevelDemand = { readonly level: Level | null; readonly maxAgeSeconds: number | null };

/** The levels that the operator demands, beside those of each route. */
export type LevelPolicy = {
  /** Of every sign-in. */
  readonly everyone: Level | null;
  /** Of the sign-in of an account that holds the scope. */
  readonly accountScopes: ReadonlyMap<string, Level>;
  /** Of a token, wherever the scope is needed. */
  readonly scopes: ReadonlyMap<string, Level>;
  /** Of every token of the client. */
  readonly clients: ReadonlyMap<string, Level>;
};

export const noLevelPolicy: LevelPolicy = {
  everyone: null,
  accountScopes: new Map(),
  scopes: new Map(),
  clients: new Map(),
};

/** What no level reaches, an unknown or missing `acr` too, stands below all of them. */
const rankOf = (level: string | null): number => levels.indexOf(level as Level);

export const isWeaker = (level: string | null, than: Level | null): boolean => rankOf(level) < rankOf(than);

export const strongerOf = (one: Level | null, other: Level | null): Level | null =>
  isWeaker(one, other) ? other : one;

/** What the sign-in of an account must reach before anything begins. */
export function levelOfSignIn(policy: LevelPolicy, accountScopes: readonly string[]): Level {
  let level = strongerOf(levels[0], policy.everyone);
  for (const scope of accountScopes) level = strongerOf(level, policy.accountScopes.get(scope) ?? null);
  return level ?? levels[0];
}

type Asked = { readonly levelDemands: readonly LevelDemand[]; readonly scopes: readonly string[] };

function demandOn(clientId: string, { levelDemands, scopes }: Asked, policy: LevelPolicy): LevelDemand {
  let level = policy.clients.get(clientId) ?? null;
  let maxAgeSeconds: number | null = null;
  for (const scope of scopes) level = strongerOf(level, policy.scopes.get(scope) ?? null);
  for (const demand of levelDemands) {
    level = strongerOf(level, demand.level);
    if (demand.maxAgeSeconds !== null)
      maxAgeSeconds = Math.min(maxAgeSeconds ?? Number.POSITIVE_INFINITY, demand.maxAgeSeconds);
  }
  return { level, maxAgeSeconds };
}

/**
 * What a new authentication must reach for the token to be let in (RFC 9470 §3), or null when it is strong and recent
 * enough. The level is told of an old token too: it would not survive a weaker sign-in. A token that does not say when its
 * person signed in is too old for every age. Times in seconds.
 */
export function stepUpFor(
  token: {
    readonly clientId: string;
    readonly acr: string | null;
    readonly authTimeSeconds: number | null;
  },
  asked: Asked,
  policy: LevelPolicy,
  nowSeconds: number,
): LevelDemand | null {
  const { level, maxAgeSeconds } = demandOn(token.clientId, asked, policy);
  const isOld =
    maxAgeSeconds !== null &&
    nowSeconds - (token.authTimeSeconds ?? Number.NEGATIVE_INFINITY) > maxAgeSeconds;
  if (!isOld && !isWeaker(token.acr, level)) return null;
  return { level, maxAgeSeconds: isOld ? maxAgeSeconds : null };
}

/** `everyone=L`, or a scope or client by name (RFC 6749 §3.3, no comma) and its level. */
const ruleShape = new RegExp(
  `^(?:everyone|(scope|client|account-scope):([\\x21\\x23-\\x2b\\x2d-\\x5b\\x5d-\\x7e]{1,128}))=(${levels.join("|")})$`,
);

/** The policy as the operator wrote it, or what is wrong with it, without repeating any of it. */
export function parseLevelPolicy(
  rules: readonly string[],
): { readonly ok: true; readonly policy: LevelPolicy } | { readonly ok: false; readonly reason: string } {
  const found = new Map<string, Map<string, Level>>();
  for (const rule of rules) {
    const [matched, kind = "everyone", name = "", level] = ruleShape.exec(rule) ?? [];
    if (matched === undefined) {
      const forms = "everyone=L, account-scope:S=L, scope:S=L or client:C=L";
      return { ok: false, reason: `must hold rules like ${forms}, L being one of ${levels.join(", ")}` };
    }
    const ofKind = found.get(kind) ?? new Map<string, Level>();
    if (ofKind.has(name)) return { ok: false, reason: "must not hold two rules for the same thing" };
    found.set(kind, ofKind.set(name, level as Level));
  }
  const rulesOf = (kind: string): ReadonlyMap<string, Level> => found.get(kind) ?? new Map();
  const everyone = rulesOf("everyone").get("") ?? null;
  const accountScopes = rulesOf("account-scope");
  return {
    ok: true,
    policy: { everyone, accountScopes, scopes: rulesOf("scope"), clients: rulesOf("client") },
  };
}
