import { expect, test } from "vitest";
import { givenEdges, hearNews } from "./edges.ts";
import { endAt, everyKind, givenFacts, isDeniedAt, subjectOf } from "./endings.ts";

test("an ending of every kind is known at the edge that made it at once, and at every other within the bound", async () => {
  const { clock, a, b, c, settle } = await givenEdges(10);
  for (const kind of everyKind) {
    const facts = givenFacts(a);
    for (const edge of [a, b, c]) expect(await isDeniedAt(edge, facts), kind).toBe("valid");
    await settle();
    const reach = await endAt(a, kind, subjectOf(kind, facts));
    expect(reach).toEqual({ effectiveEverywhereBy: new Date(clock.now() + 10_000), announced: true });
    expect(await isDeniedAt(a, facts)).toBe(kind);
    await hearNews(b);
    expect(await isDeniedAt(b, facts)).toBe(kind);
    clock.advance(10_001);
    expect(await isDeniedAt(c, facts)).toBe(kind);
    expect(await isDeniedAt(c, givenFacts(a)), "another token").toBe("valid");
  }
});
