import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  askedBy,
  expectRotated,
  familyRow,
  givenFamily,
  givenRefreshTokens,
} from "../support/given-tokens.ts";

test("RT-02: a hundred parallel refreshes of one token never make two successors that live", async () => {
  const isolate = await givenIsolate();
  const { refreshTokens } = await givenRefreshTokens(isolate);
  const { refreshToken, familyId } = await givenFamily(isolate, refreshTokens);
  const ask = (text: string) => refreshTokens.refresh(text, askedBy(isolate));
  const verdicts = await Promise.all(Array.from({ length: 100 }, () => ask(refreshToken)));
  const words = new Set(verdicts.map((verdict) => (verdict.ok ? verdict.refreshToken : verdict.reason)));
  // A statement that waited longer than its deadline has no answer; asked again it has the same one.
  words.delete("unavailable");
  const again = expectRotated(await ask(refreshToken));
  expect([...words]).toEqual([again.refreshToken]);
  expect(await familyRow(isolate, familyId)).toMatchObject({ generation: 1, revokedAt: null });
});
