import { sql } from "drizzle-orm";
import { expect } from "vitest";
import type { TokenFacts } from "../../src/revocation/denylist.ts";
import type { PendingChange, TokenKind } from "../../src/revocation/ending.ts";
import type { Reach } from "../../src/revocation/revocation.ts";
import { noteEndings, pendingOf } from "../../src/revocation/tables.ts";
import { type Isolate, unique } from "../support/given.ts";
import { givenEdges, hearNews } from "./edges.ts";

export const everyKind = ["jti", "session", "subject", "client", "signing-key"] as const;

/** What a token that nobody else uses says of itself, issued a second ago. */
export const givenFacts = (edge: Isolate, said: Partial<TokenFacts> = {}): TokenFacts => ({
  jti: unique("tok"),
  sessionId: unique("ses"),
  subject: unique("usr"),
  clientId: `https://client.test/${unique("client")}`,
  keyId: unique("kid"),
  issuedAtSeconds: Math.floor(edge.clock.now() / 1000) - 1,
  ...said,
});

export const subjectOf = (kind: TokenKind, facts: TokenFacts): string => {
  const { jti, sessionId, subject, clientId, keyId } = facts;
  return { jti, session: sessionId ?? "", subject, client: clientId, "signing-key": keyId }[kind];
};

/** As another room's store does it: in one statement, by the clock of this edge. Nobody is told. */
export async function noteAt(
  edge: Isolate,
  kind: TokenKind,
  subjects: readonly string[],
  tokenExpiresAt?: Date,
): Promise<PendingChange[]> {
  const endings = sql.join(
    subjects.map((subject) => sql`select ${kind}::text, ${subject}::text`),
    sql` union all `,
  );
  const { rows } = await edge.rooms.database.execute<Record<string, unknown>>(
    sql`with noted as (${noteEndings(endings, new Date(edge.clock.now()), tokenExpiresAt)}) select * from noted`,
  );
  return pendingOf(rows);
}

export async function endAt(edge: Isolate, kind: TokenKind, subject: string, until?: Date): Promise<Reach> {
  const changes = await noteAt(edge, kind, [subject], until);
  return await edge.rooms.revocation.announceNow(changes, edge.background);
}

/** One question about a token, as the check of a credential asks it. */
export async function isDeniedAt(edge: Isolate, facts: TokenFacts) {
  const { denylist, mark } = edge.rooms.revocation;
  const answer = await denylist.check(facts, { arrivedAt: mark(), background: edge.background });
  return answer.isKnown ? (answer.deniedBy ?? "valid") : "unknown";
}

/** Edges whose copies are whole and watched by the feed, and whose calls are counted from here. */
export async function givenWarmEdges(boundSeconds = 10) {
  const edges = await givenEdges(boundSeconds);
  for (const edge of edges.edges) {
    await hearNews(edge);
    expect(await edge.rooms.revocation.denylist.load()).toBe(true);
    await edge.forgetCalls();
  }
  return edges;
}
