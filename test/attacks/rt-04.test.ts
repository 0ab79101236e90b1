import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  askedBy,
  expectRotated,
  familyRow,
  givenFamily,
  givenRefreshTokens,
} from "../support/given-tokens.ts";

test("RT-04: the grace is for the immediate predecessor alone: a token two generations old ends the family within it", async () => {
  const isolate = await givenIsolate();
  const { refreshTokens } = await givenRefreshTokens(isolate, { graceSeconds: 60 });
  const { refreshToken, familyId } = await givenFamily(isolate, refreshTokens);
  const ask = (text: string) => refreshTokens.refresh(text, askedBy(isolate));
  const first = expectRotated(await ask(refreshToken));
  const second = expectRotated(await ask(first.refreshToken));
  expect(await ask(refreshToken)).toEqual({ ok: false, reason: "replayed" });
  expect(await familyRow(isolate, familyId)).toMatchObject({ revokedReason: "replayed", generation: 2 });
  for (const { refreshToken: text } of [first, second]) {
    expect(await ask(text)).toEqual({ ok: false, reason: "unknown" });
  }
});
