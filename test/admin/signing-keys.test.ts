import { calculateJwkThumbprint } from "jose";
import { expect, test } from "vitest";
import { rotation, seenSeconds } from "../../src/signing-keys/schedule.ts";
import { givenAdminKey, withAdmin } from "../support/given.ts";
import { givenOwnKeys } from "../support/given-signing-keys.ts";
import { expectProblem } from "../support/problem.ts";

type Shown = Record<string, string | boolean | null> & { kid: string };
type Line = {
  killed: Record<string, string> | null;
  signing: (Record<string, string | null> & { kid: string })[];
  leaving: (Record<string, string> & { kid: string })[];
};

async function givenOperatorOfKeys() {
  const keys = await givenOwnKeys();
  await keys.tick();
  keys.clock.advance(seenSeconds * 1000);
  const headers = { ...withAdmin(await givenAdminKey(keys.first)), "content-type": "application/json" };
  const rotate = (body: unknown) =>
    keys.first.fetch("/admin/v1/signing-keys/rotate", {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
  const list = async () => {
    const answer = await keys.first.fetch("/admin/v1/signing-keys", { headers });
    const text = await answer.text();
    return { status: answer.status, text, ...(JSON.parse(text) as { data: Shown[]; next_cursor: null }) };
  };
  return { ...keys, rotate, list };
}

test("the list tells each key's state and times, newest first, and nothing of its private half", async () => {
  const { list, rows, clock } = await givenOperatorOfKeys();
  const { status, data, text, next_cursor } = await list();
  expect([status, next_cursor]).toEqual([200, null]);
  expect(data.map(({ purpose, algorithm, state }) => [purpose, algorithm, state]).sort()).toEqual([
    ["access-token", "RS256", "active"],
    ["access-token", "RS256", "next"],
    ["identity", "ES256", "active"],
    ["identity", "ES256", "next"],
  ]);
  for (const row of await rows()) {
    // RFC 7638 §3: the kid is the thumbprint of the public key.
    expect(row.kid).toBe(await calculateJwkThumbprint(row.publicJwk));
    const shown = data.find(({ kid }) => kid === row.kid);
    expect(shown).toMatchObject({
      private_key_readable: true,
      published_at: row.publishedAt.toISOString(),
      signs_from: row.signsFrom.toISOString(),
      signs_until: row.signsUntil?.toISOString() ?? null,
      killed_at: null,
    });
    expect(text).not.toContain(row.privateJwkSealed);
  }
  const active = data.find(({ state, purpose }) => state === "active" && purpose === "identity");
  expect(Date.parse(String(active?.["signs_until"]))).toBe(
    clock.now() - seenSeconds * 1000 + rotation.periodSeconds * 1000,
  );
});

test("a rotation answers who signs from when and what leaves when; one too soon is 409 and names the inequality", async () => {
  const { list, rotate, clock, first } = await givenOperatorOfKeys();
  const next = (await list()).data.filter(({ state }) => state === "next").map(({ kid }) => kid);
  const answer = await rotate({});
  expect(answer.status).toBe(200);
  const line = (await answer.json()) as Line;
  expect(line.killed).toBeNull();
  expect(line.signing.map(({ kid }) => kid).sort()).toEqual(next.sort());
  for (const key of line.signing) {
    expect(key).toMatchObject({
      signs_from: new Date(clock.now()).toISOString(),
      may_be_refused_until: null,
    });
  }
  expect(line.leaving).toHaveLength(2);
  clock.advance(5000);
  await rotate({});
  const refused = await expectProblem(await rotate({}), 409, "conflict");
  expect(refused.detail).toContain(`signs_from >= published_at + ${seenSeconds} s`);
  await first.settle();
});

test("a compromised key is killed with one call, which says when it is felt and who trusts it for longer; again is 409", async () => {
  const { list, rotate, first } = await givenOperatorOfKeys();
  const { data } = await list();
  const compromised = data.find(
    ({ state, purpose }) => state === "active" && purpose === "access-token",
  )?.kid;
  const answer = await rotate({ compromised });
  expect(answer.status).toBe(200);
  const { killed, signing } = (await answer.json()) as Line;
  expect(killed).toMatchObject({ kid: compromised, purpose: "access-token", algorithm: "RS256" });
  expect(Date.parse(killed?.["trusted_elsewhere_until"] ?? "")).toBe(
    Date.parse(killed?.["effective_everywhere_by"] ?? "") + rotation.keySetSeconds * 1000,
  );
  expect(signing.map(({ kid }) => kid)).not.toContain(compromised);
  expect(await (await first.fetch("/.well-known/jwks.json")).text()).not.toContain(compromised);
  const shown = (await list()).data.find(({ kid }) => kid === compromised);
  expect(shown).toMatchObject({ state: "killed", private_key_readable: false });
  await expectProblem(await rotate({ compromised }), 409, "conflict");
  await expectProblem(await rotate({ compromised: "A".repeat(43) }), 404, "not_found");
  for (const wrong of ["short", "A".repeat(44), `${"A".repeat(42)}!`, 7, null, ""]) {
    await expectProblem(await rotate({ compromised: wrong }), 400, "invalid_request");
  }
});
