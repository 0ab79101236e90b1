import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import { askedBy, expectRotated, givenFamily, givenRefreshTokens } from "../support/given-tokens.ts";

const day = 86_400_000;

test("RT-07: a family that is refreshed every day is over after thirty days, to the millisecond", async () => {
  const isolate = await givenIsolate();
  const { refreshTokens } = await givenRefreshTokens(isolate);
  const family = await givenFamily(isolate, refreshTokens);
  const ends = isolate.clock.now() + 30 * day;
  const ask = (text: string) => refreshTokens.refresh(text, askedBy(isolate));
  let token = family.refreshToken;
  for (let today = 1; today < 30; today += 1) {
    isolate.clock.advance(day);
    token = expectRotated(await ask(token)).refreshToken;
  }
  isolate.clock.advance(ends - isolate.clock.now() - 1);
  token = expectRotated(await ask(token)).refreshToken;
  isolate.clock.advance(1);
  expect(await ask(token)).toEqual({ ok: false, reason: "unknown" });
});

test("RT-07: a family that nobody refreshes is over after seven days", async () => {
  const isolate = await givenIsolate();
  const { refreshTokens } = await givenRefreshTokens(isolate);
  const { refreshToken } = await givenFamily(isolate, refreshTokens);
  isolate.clock.advance(7 * day);
  expect(await refreshTokens.refresh(refreshToken, askedBy(isolate))).toEqual({
    ok: false,
    reason: "unknown",
  });
});
