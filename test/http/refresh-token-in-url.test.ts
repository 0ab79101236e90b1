import { test } from "vitest";
import { givenIsolate } from "../support/given.ts";
import { askedBy, expectRotated, givenFamily } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";

test("RFC 9700 §4.3.2: a refresh token of ours in a URL, under any name or in the path, escaped or not, is refused", async () => {
  const isolate = await givenIsolate();
  const { refreshToken } = await givenFamily(isolate);
  const escaped = refreshToken.replaceAll("_", "%5F");
  for (const path of [
    `/gateway/x?anything=${refreshToken}`,
    `/gateway/x?a=b&c=${escaped}`,
    `/gateway/${refreshToken}/x`,
    `/auth/${escaped}`,
  ]) {
    await expectProblem(await isolate.fetch(path), 400, "credentials_in_url");
  }
  await expectProblem(await isolate.fetch("/nothing/gr_x"), 404, "not_found");
  expectRotated(await isolate.rooms.refreshTokens.refresh(refreshToken, askedBy(isolate)));
});
