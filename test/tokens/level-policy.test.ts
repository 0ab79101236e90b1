import { describe, expect, test } from "vitest";
import {
  type LevelPolicy,
  noLevelPolicy,
  parseLevelPolicy,
  stepUpFor,
} from "../../src/tokens/level-policy.ts";
import { type Level, levels } from "../../src/tokens/levels.ts";

const nowSeconds = 1_800_000_000.5;
const token = (acr: string | null, ageSeconds: number | null = 0) => ({
  clientId: "first-party",
  acr,
  authTimeSeconds: ageSeconds === null ? null : nowSeconds - ageSeconds,
});
const asking = (level: Level | null, maxAgeSeconds: number | null = null, scopes: string[] = []) => ({
  levelDemands: [{ level, maxAgeSeconds }],
  scopes,
});
const policyOf = (...rules: string[]): LevelPolicy => {
  const parsed = parseLevelPolicy(rules);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.policy;
};

describe("what a token lacks (RFC 9470 §3)", () => {
  test("a level is reached by itself and by each stronger one; a missing or unknown acr reaches none", () => {
    for (const [at, level] of levels.entries()) {
      for (const acr of [...levels, null, "", "urn:other", "constructor"]) {
        const isEnough = levels.indexOf(acr as Level) >= at;
        expect([acr, level, stepUpFor(token(acr), asking(level), noLevelPolicy, nowSeconds)]).toEqual([
          acr,
          level,
          isEnough ? null : { level, maxAgeSeconds: null },
        ]);
      }
    }
  });

  test("a sign-in as old as the age allows is recent enough, one older or never told is not", () => {
    for (const [age, isEnough] of [
      [-1, true],
      [0, true],
      [300, true],
      [300.01, false],
      [1e9, false],
      [null, false],
    ] as const) {
      const lacking = stepUpFor(token(null, age), asking(null, 300), noLevelPolicy, nowSeconds);
      expect([age, lacking]).toEqual([age, isEnough ? null : { level: null, maxAgeSeconds: 300 }]);
    }
  });

  test("only what is lacking is asked for, and the level with an age, since the new sign-in must reach it again", () => {
    const both = asking("two-factor", 300);
    const lacking = (acr: string, age: number) => stepUpFor(token(acr, age), both, noLevelPolicy, nowSeconds);
    expect(lacking("two-factor", 10)).toBeNull();
    expect(lacking("one-factor", 10)).toEqual({ level: "two-factor", maxAgeSeconds: null });
    expect(lacking("two-factor", 301)).toEqual({ level: "two-factor", maxAgeSeconds: 300 });
    expect(lacking("one-factor", 301)).toEqual({ level: "two-factor", maxAgeSeconds: 300 });
  });

  test("where nothing is asked nothing is lacking, whatever the token says", () => {
    for (const asked of [asking(null), { levelDemands: [], scopes: ["orders.write"] }])
      expect(stepUpFor(token(null, null), asked, noLevelPolicy, nowSeconds)).toBeNull();
  });

  test("of several demands the strictest of each kind counts, in any order", () => {
    const demands = [
      { level: "one-factor", maxAgeSeconds: 60 },
      { level: null, maxAgeSeconds: 30 },
      { level: "two-factor", maxAgeSeconds: null },
    ] as const;
    for (const levelDemands of [demands, demands.toReversed()]) {
      const lacking = stepUpFor(token(null, 61), { levelDemands, scopes: [] }, noLevelPolicy, nowSeconds);
      expect(lacking).toEqual({ level: "two-factor", maxAgeSeconds: 30 });
    }
  });
});

describe("what the operator's rules demand", () => {
  const policy = policyOf(
    "everyone=phishing-resistant",
    "account-scope:orders.read=phishing-resistant",
    "scope:orders.write=two-factor",
    "scope:orders.refund=phishing-resistant",
    "client:kiosk=two-factor",
  );
  const lacking = (scopes: string[], clientId = "first-party", level: Level | null = null) =>
    stepUpFor({ ...token("one-factor"), clientId }, asking(level, null, scopes), policy, nowSeconds);

  test("a scope's level binds where the scope is needed, and nowhere else", () => {
    expect(lacking(["orders.write"])).toEqual({ level: "two-factor", maxAgeSeconds: null });
    expect(lacking(["orders.write", "orders.refund"])).toMatchObject({ level: "phishing-resistant" });
    expect(lacking(["orders.refund", "orders.write"])).toMatchObject({ level: "phishing-resistant" });
    expect(lacking(["orders.writes", "Orders.Write"])).toBeNull();
  });

  test("a client's level binds its tokens everywhere, and those of nobody else", () => {
    expect(lacking([], "kiosk")).toEqual({ level: "two-factor", maxAgeSeconds: null });
    expect(lacking([], "kiosk2")).toBeNull();
  });

  test("no rule weakens what a door asks", () => {
    expect(lacking(["orders.write"], "kiosk", "phishing-resistant")).toMatchObject({
      level: "phishing-resistant",
    });
    expect(lacking(["orders.write"], "kiosk", "one-factor")).toMatchObject({ level: "two-factor" });
  });

  test("rules of sign-ins bind no token", () => {
    expect(lacking(["orders.read"])).toBeNull();
  });
});
