import fc from "fast-check";
import type { TokenFacts } from "../../src/revocation/denylist.ts";
import type { TokenKind } from "../../src/revocation/ending.ts";
import type { Isolate } from "../support/given.ts";
import { endAt, everyKind, givenFacts, isDeniedAt, subjectOf } from "./endings.ts";
import { nothingPromised, type Promised } from "./promises.ts";
import { change, commonSteps, givenWorld, hold, judged, pick, step, type World } from "./schedules.ts";

export type KnownToken = Promised & { readonly facts: TokenFacts; readonly expiresAt: number };
export type TokenWorld = World & {
  readonly tokens: KnownToken[];
  /** Signs nothing any more. */
  readonly killedKeys: Set<string>;
};
type Step = fc.AsyncCommand<object, TokenWorld>;

/** The shortest and the longest life that a token may have. */
const lives = [300, 900];

export const givenTokenWorld = async (boundSeconds: number): Promise<TokenWorld> => ({
  ...(await givenWorld(boundSeconds)),
  tokens: [],
  killedKeys: new Set(),
});

/** A token that has expired is refused by its times, and no denylist is asked. */
function useToken(world: TokenWorld, edge: Isolate, token: KnownToken): Promise<void> {
  if (world.clock.now() >= token.expiresAt) return Promise.resolve();
  return judged(world, edge, token, async () => ({
    valid: (await isDeniedAt(edge, token.facts)) === "valid" && world.clock.now() < token.expiresAt,
  })).catch((failure: unknown) => {
    // It expired while it was judged: that it was refused says nothing.
    if (world.clock.now() < token.expiresAt) throw failure;
  });
}

/** Ends every token that the ending covers; of those issued in its future it says nothing. */
function endOf(world: TokenWorld, edge: Isolate, token: KnownToken, kind: TokenKind): Promise<void> {
  const subject = subjectOf(kind, token.facts);
  const endsEarlierOnly = kind === "subject" || kind === "client";
  const covered = world.tokens.filter(
    ({ facts }) =>
      subjectOf(kind, facts) === subject &&
      (!endsEarlierOnly || facts.issuedAtSeconds * 1000 < world.clock.now()),
  );
  if (kind === "signing-key") world.killedKeys.add(subject);
  const until = kind === "jti" ? new Date(token.expiresAt) : undefined;
  return change(world, covered, async () => ({ reach: await endAt(edge, kind, subject, until) }));
}

/** A token by itself, or one that shares session, person, client or key with another. */
function issue(world: TokenWorld, edge: Isolate, like: number, life: number): Promise<void> {
  const now = world.clock.now();
  const other = world.tokens.length > 0 && like > 0 ? pick(world.tokens, like).facts : undefined;
  const said: Partial<TokenFacts> = {
    issuedAtSeconds: Math.floor(now / 1000),
    // As whoever issues tokens rounds it, lest a new one look older than the end of those before.
    ...(other && like % 2
      ? { subject: other.subject, clientId: other.clientId, issuedAtSeconds: Math.ceil(now / 1000) }
      : {}),
    ...(other && like % 3 === 0 && !world.killedKeys.has(other.keyId) ? { keyId: other.keyId } : {}),
  };
  world.tokens.push({ ...nothingPromised(), facts: givenFacts(edge, said), expiresAt: now + life * 1000 });
  return Promise.resolve();
}

const ofToken = { edge: fc.nat({ max: 2 }), token: fc.nat({ max: 30 }) };

const tokenStep =
  (name: string, run: (world: TokenWorld, edge: Isolate, token: KnownToken) => Promise<unknown>) =>
  ({ edge, token }: { edge: number; token: number }): Step =>
    step<TokenWorld>(`${name}(edge ${edge}, token ${token})`, async (world) => {
      if (world.tokens.length > 0) await run(world, pick(world.edges, edge), pick(world.tokens, token));
    });

export function tokenStepsFor(boundSeconds: number): fc.Arbitrary<Step>[] {
  const uses = fc.record(ofToken).map(tokenStep("use", useToken));
  const issues = fc
    .tuple(fc.nat({ max: 2 }), fc.nat({ max: 12 }), fc.constantFrom(...lives))
    .map(([edge, like, life]) =>
      step<TokenWorld>(`issue(edge ${edge}, like ${like}, ${life} s)`, (world) =>
        issue(world, pick(world.edges, edge), like, life),
      ),
    );
  const ends = fc
    .tuple(fc.constantFrom(...everyKind), fc.record(ofToken))
    .map(([kind, of]) =>
      tokenStep(`end ${kind}`, (world, edge, token) => endOf(world, edge, token, kind))(of),
    );
  const holds = fc
    .tuple(fc.constantFrom("postgres" as const, "redis" as const), fc.record(ofToken))
    .map(([store, of]) =>
      tokenStep(`use, ${store} held`, (world, edge, token) =>
        hold(world, edge, store, () => useToken(world, edge, token)),
      )(of),
    );
  return [issues, issues, uses, uses, uses, uses, ends, ends, holds, ...commonSteps(boundSeconds)];
}
