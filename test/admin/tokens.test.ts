import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { randomBase62 } from "../../src/crypto/base62.ts";
import { changeOutbox } from "../../src/revocation/tables.ts";
import { createClock } from "../support/clock.ts";
import { givenIsolate, type Isolate, unique } from "../support/given.ts";
import { expectInvalidToken, givenOwnSigner, givenTokenRoute, goodClaims } from "../support/given-jws.ts";
import { askedBy, expectRotated, familyRow, givenAccessToken, givenFamily } from "../support/given-tokens.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator } from "./operator.ts";

const claimsIn = (text: string) => JSON.parse(atob(text.split(".")[1] ?? "")) as { jti: string; exp: number };
const newJti = () => `tok_${randomBase62(22)}`;

/** An operator, and an edge that only hears of what is revoked. */
async function givenEdge() {
  const clock = createClock();
  const operator = await givenOperator({ clock });
  const edge = await givenIsolate({ clock });
  const route = await givenTokenRoute(edge);
  const revoke = (body: unknown) => operator.ask<Record<string, string>>(200, "POST", "/tokens/revoke", body);
  return { ...operator, clock, edge, route, revoke };
}

/** Until when the edges must remember, in seconds from now, for each time it was noted. */
async function rememberedFor({ rooms, clock }: Isolate, subjectId: string): Promise<number[]> {
  const rows = await rooms.database.select().from(changeOutbox).where(eq(changeOutbox.subjectId, subjectId));
  return rows.map(({ expiresAt }) => ((expiresAt?.getTime() ?? 0) - clock.now()) / 1000);
}

test.each([
  ["itself", (text: string) => ({ token: text })],
  ["its jti", (text: string) => ({ jti: claimsIn(text).jti })],
])(
  "an access token named by %s is refused everywhere within the bound, its session goes on, and it is on record",
  async (_, name) => {
    const { clock, edge, isolate, keyId, revoke, route } = await givenEdge();
    const { row, refreshToken } = await givenFamily(isolate);
    const first = expectRotated(await isolate.rooms.refreshTokens.refresh(refreshToken, askedBy(isolate)));
    const other = await givenAccessToken(isolate);
    expect((await route.call(first.accessToken)).status).toBe(200);
    const at = clock.now();
    const answer = await revoke(name(first.accessToken));
    expect(answer).toEqual({
      revoked_at: new Date(at).toISOString(),
      effective_everywhere_by: new Date(at + 10_000).toISOString(),
    });
    expect(await revoke(name(first.accessToken))).toEqual(answer);
    clock.advance(10_000);
    await edge.rooms.revocation.refreshBehind();
    await expectInvalidToken(await route.call(first.accessToken));
    expect((await route.call(other.accessToken)).status).toBe(200);
    expect((await familyRow(isolate, row.id))?.revokedAt).toBeNull();
    await isolate.settle();
    const { jti } = claimsIn(first.accessToken);
    const events = await isolate.rooms.audit.list({ subjectId: jti, limit: 5 });
    expect(events.map(({ type, actor, subject }) => [type, actor, subject])).toEqual(
      Array(2).fill(["token.revoked", { type: "key", id: keyId }, { type: "token", id: jti }]),
    );
  },
);

test("a client's tokens end with its sessions, and nobody else's", async () => {
  const { clock, edge, isolate, revoke, route } = await givenEdge();
  const clientId = unique("client");
  const ended = await givenFamily(isolate, isolate.rooms.refreshTokens, { clientId });
  const kept = await givenFamily(isolate, isolate.rooms.refreshTokens, { clientId: unique("client") });
  const token = await givenAccessToken(isolate, { clientId });
  const other = await givenAccessToken(isolate, { clientId: unique("client") });
  clock.advance(1000);
  await revoke({ client_id: clientId });
  clock.advance(10_000);
  await edge.rooms.revocation.refreshBehind();
  await expectInvalidToken(await route.call(token.accessToken));
  expect((await route.call(other.accessToken)).status).toBe(200);
  expect((await familyRow(isolate, ended.familyId))?.revokedReason).toBe("by_operator");
  expect((await familyRow(isolate, kept.familyId))?.revokedAt).toBeNull();
});

test("the edges remember a token as long as it could live, and never for longer, whatever the operator says", async () => {
  const { clock, isolate, revoke } = await givenEdge();
  const after = (seconds: number) => new Date(clock.now() + seconds * 1000).toISOString();
  const [unknown, known, never] = [newJti(), newJti(), newJti()];
  await revoke({ jti: unknown });
  await revoke({ jti: known, expires_at: after(100) });
  await revoke({ jti: never, expires_at: "2999-01-01T00:00:00Z" });
  expect(await rememberedFor(isolate, unknown)).toEqual([960]);
  expect(await rememberedFor(isolate, known)).toEqual([160]);
  expect(await rememberedFor(isolate, never)).toEqual([960]);
  const { accessToken } = await givenAccessToken(isolate);
  await revoke({ token: accessToken });
  const { jti, exp } = claimsIn(accessToken);
  expect(await rememberedFor(isolate, jti)).toEqual([((exp + 60) * 1000 - clock.now()) / 1000]);
});

test("a token for another audience, or one that is over, is ours to revoke; the answer is true of both", async () => {
  const { clock, isolate, revoke } = await givenEdge();
  const elsewhere = await givenAccessToken(isolate, { audience: "https://api.example" });
  await revoke({ token: elsewhere.accessToken });
  expect(await rememberedFor(isolate, elsewhere.jti)).toHaveLength(1);
  const over = await givenAccessToken(isolate);
  clock.advance(3_600_000);
  await revoke({ token: over.accessToken });
  expect((await rememberedFor(isolate, over.jti)).every((seconds) => seconds < 0)).toBe(true);
});

test("what is no access token of ours is refused by name and without its text, and nothing is revoked", async () => {
  const { call, isolate } = await givenOperator();
  const { accessToken } = await givenAccessToken(isolate);
  const signer = await givenOwnSigner(isolate);
  const { refreshToken } = await givenFamily(isolate);
  const claims = goodClaims(isolate);
  const strange = [
    accessToken.slice(0, -8),
    `${accessToken.slice(0, -2)}AA`,
    await signer.sign(claims, { ...signer.header, typ: "JWT" }),
    await signer.sign({ ...claims, iss: "https://elsewhere.example" }),
    await signer.sign({ ...claims, jti: undefined }),
    refreshToken,
    "canary-4f1d",
    "",
  ];
  for (const token of strange) {
    const refused = await expectProblem(
      await call("POST", "/tokens/revoke", { token }),
      400,
      "invalid_request",
    );
    expect(refused.detail).toBe("token: is no access token of ours, or its signing key is gone");
  }
  expect(await rememberedFor(isolate, claims.jti)).toEqual([]);
  expect(await rememberedFor(isolate, claimsIn(accessToken).jti)).toEqual([]);
});

const jti = `tok_${"a1".repeat(11)}`;
test.each([
  [{}, "give exactly one of"],
  [{ jti, client_id: "a" }, "give exactly one of"],
  [{ token: "a", jti }, "give exactly one of"],
  [{ client_id: "a", expires_at: "2999-01-01T00:00:00Z" }, "give exactly one of"],
  [{ jti: ["canary-4f1d"] }, "give exactly one of"],
  [{ subject: "canary-4f1d" }, "give exactly one of"],
  [{ jti: "canary-4f1d" }, "jti: must be the jti of an access token"],
  [{ jti: `${jti}x` }, "jti: must be the jti of an access token"],
  [{ jti, expires_at: "2020-01-01T00:00:00Z" }, "expires_at: must be in the future"],
  [{ jti, expires_at: "canary-4f1d" }, "give exactly one of"],
  [{ client_id: "canary-4f1d two" }, "client_id: must be 1 to 128"],
  [{ client_id: "" }, "client_id: must be 1 to 128"],
  [{ token: "canary-4f1d".repeat(1600) }, "token: is too long"],
])("a revocation of %j is refused by name and without the value", async (body, sentence) => {
  const { call, isolate } = await givenOperator();
  const refused = await expectProblem(await call("POST", "/tokens/revoke", body), 400, "invalid_request");
  expect(refused.detail.startsWith(sentence), refused.detail).toBe(true);
  expect(refused.detail).not.toContain("canary");
  expect(await rememberedFor(isolate, jti)).toEqual([]);
});

test("without the keys of tokens a token cannot be read, and nothing is said to be revoked: 503, then 200", async () => {
  const { call, isolate } = await givenOperator();
  const { accessToken } = await givenAccessToken(await givenIsolate({ clock: isolate.clock }));
  await isolate.fetch("/health/live");
  await call("GET", "/keys?limit=1");
  await isolate.postgresFault([{ kind: "refuse" }]);
  const refused = await call("POST", "/tokens/revoke", { token: accessToken });
  await isolate.postgresFault([]);
  await expectProblem(refused, 503, "unavailable");
  expect((await call("POST", "/tokens/revoke", { token: accessToken })).status).toBe(200);
});
