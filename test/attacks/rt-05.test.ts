import { expect, test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  askedBy,
  expectRotated,
  familyRow,
  givenFamily,
  givenRefreshTokens,
} from "../support/given-tokens.ts";

test("RT-05: a client that presents another client's token, new or old, gets nothing and harms nobody", async () => {
  const isolate = await givenIsolate();
  const { refreshTokens, notices } = await givenRefreshTokens(isolate);
  const { refreshToken, familyId } = await givenFamily(isolate, refreshTokens, { clientId: "client-a" });
  const ask = (text: string, clientId: string) => refreshTokens.refresh(text, askedBy(isolate, clientId));
  expect(await ask(refreshToken, "client-b")).toEqual({ ok: false, reason: "unknown" });
  const first = expectRotated(await ask(refreshToken, "client-a"));
  const second = expectRotated(await ask(first.refreshToken, "client-a"));
  isolate.clock.advance(3_600_000);
  for (const text of [refreshToken, first.refreshToken, second.refreshToken]) {
    expect(await ask(text, "client-b")).toEqual({ ok: false, reason: "unknown" });
  }
  expect(await familyRow(isolate, familyId)).toMatchObject({ generation: 2, revokedAt: null });
  expect(notices).toEqual([]);
  expectRotated(await ask(second.refreshToken, "client-a"));
});
