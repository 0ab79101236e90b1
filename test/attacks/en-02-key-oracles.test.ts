// EN-02, the part of API keys. That the gateway's own answers agree is in test/authentication/credentials.test.ts; here every
// door is asked, both ways to send a key are used, and the answers are compared byte for byte. CONTRACT: 403, not 401.
import { expect, test } from "vitest";
import { createKeyFormat } from "../../src/api-keys/key-format.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  type Isolate,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";
import { expectNoTrace, listenToLog } from "./traces.ts";

const admin = { scopes: ["gatehouse:admin", "gatehouse:keys:verify"] };

/** One key for each way to be good no more, management keys all of them, so that every door could have been theirs. */
async function givenDeadKeys(isolate: Isolate): Promise<Record<string, string>> {
  const operator = withAdmin(await givenAdminKey(isolate));
  const change = async (id: string, path: string, method = "POST", body: object = {}) => {
    const answer = await isolate.fetch(`/admin/v1/keys/${id}${path}`, {
      ...json(body, operator),
      method,
      ...(method === "DELETE" ? { body: null } : {}),
    });
    expect(answer.status).toBeLessThan(300);
  };
  const owner = { type: "organization", id: unique("tenant") } as const;
  const [revoked, deleted, disabled, rotated] = [
    await givenKey(isolate, admin),
    await givenKey(isolate, admin),
    await givenKey(isolate, admin),
    await givenKey(isolate, admin),
  ];
  const ofOwner = await givenKey(isolate, { ...admin, owner });
  const expired = await givenKey(isolate, { ...admin, expiresAt: new Date(isolate.clock.now() + 60_000) });
  await change(revoked.id, "/revoke");
  await change(deleted.id, "", "DELETE");
  await change(disabled.id, "", "PATCH", { enabled: false });
  await change(rotated.id, "/rotate");
  await isolate.fetch(`/admin/v1/owners/organization/${owner.id}/revoke-keys`, json({}, operator));
  isolate.clock.advance(61_000);
  const strange = await createKeyFormat([{ version: 1, secret: crypto.getRandomValues(new Uint8Array(32)) }]);
  const ours = await createKeyFormat(isolate.rooms.config.apiKeyTagSecrets);
  const swapped = await ours.make("live");
  return {
    malformed: "gk_live_x",
    "of another product": `sk_live_${"a".repeat(60)}`,
    "wrong checksum": `${revoked.key.slice(0, -1)}${revoked.key.endsWith("0") ? "1" : "0"}`,
    "wrong environment": revoked.key.replace("live", "test"),
    forged: await strange.make("live"),
    unknown: await ours.make("live"),
    "unknown with another's tail": revoked.key.slice(0, 20) + swapped.slice(20),
    "an imported key nobody has": `legacy_${"a".repeat(40)}`,
    revoked: revoked.key,
    deleted: deleted.key,
    disabled: disabled.key,
    expired: expired.key,
    "rotated away": rotated.key,
    "of a closed tenant": ofOwner.key,
  };
}

async function answerTo(isolate: Isolate, path: string, headers: Record<string, string>, requestId: string) {
  const init = path.startsWith("/v1/keys") ? json({ key: "gk_live_x" }, headers) : { headers };
  const answer = await isolate.fetch(path, {
    ...init,
    headers: { ...init.headers, "x-request-id": requestId },
  });
  return { status: answer.status, headers: [...answer.headers], body: await answer.text() };
}

test("EN-02: at every door each kind of dead key gets one and the same answer, to the byte, however it is sent", async () => {
  const log = listenToLog();
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate);
  const scoped = await givenRoute(isolate, { scopes: ["gatehouse:admin"] });
  const open = await givenRoute(isolate, { credentials: ["public"] });
  const dead = await givenDeadKeys(isolate);
  const doors = [
    route.url,
    scoped.url,
    open.url,
    "/v1/authenticate",
    `/v1/authenticate?route=${scoped.name}`,
    "/v1/authenticate?scopes=gatehouse:admin",
    "/v1/keys/verify",
    "/admin/v1/keys",
    `/admin/v1/keys/key_${"a".repeat(22)}`,
    "/admin/v1/audit",
  ];
  const requestId = unique("same-request");
  for (const door of doors) {
    const answers = new Map<string, string[]>();
    for (const [kind, key] of Object.entries(dead)) {
      // Where anybody may come in, what nobody would take for a key of ours is not looked at.
      if (door === open.url && key.startsWith("sk_")) continue;
      // Imported keys are presented as X-API-Key only: as a bearer they are some other system's token.
      const ways: Record<string, string>[] = [{ "x-api-key": key }];
      if (key.startsWith("gk_")) ways.push({ authorization: `Bearer ${key}` });
      for (const headers of ways) {
        const told = JSON.stringify(await answerTo(isolate, door, headers, requestId));
        answers.set(told, [...(answers.get(told) ?? []), kind]);
      }
    }
    expect([door, [...answers.values()].length, [...answers.values()]]).toEqual([door, 1, expect.anything()]);
    const [told = "{}"] = answers.keys();
    const { status, headers, body } = JSON.parse(told) as {
      status: number;
      headers: [string, string][];
      body: string;
    };
    expect([door, status, (JSON.parse(body) as { error: string }).error]).toEqual([
      door,
      403,
      "Invalid API Key",
    ]);
    const names = headers.map(([name]) => name);
    for (const name of ["ratelimit", "ratelimit-policy", "www-authenticate", "x-user-id", "retry-after"])
      expect(names, door).not.toContain(name);
  }
  await expectNoTrace(
    isolate,
    log,
    Object.values(dead).filter((key) => key.length > 40),
  );
});

test("EN-02: a repeated dead key is answered as at first, from memory or not, and is not looked up again, whichever kind it is", async () => {
  const isolate = await givenIsolate();
  const route = await givenRoute(isolate);
  const dead = await givenDeadKeys(isolate);
  for (const [kind, key] of Object.entries(dead)) {
    const requestId = unique("request");
    const ask = () => answerTo(isolate, route.url, { "x-api-key": key }, requestId);
    const first = await ask();
    await isolate.settle();
    await isolate.forgetCalls();
    expect([kind, await ask()]).toEqual([kind, first]);
    // Known to be bad: nobody is looked up, whichever kind it is.
    const { summaries } = await isolate.calls();
    expect([kind, summaries.flat().filter((one) => /select/i.test(one))]).toEqual([kind, []]);
    await isolate.settle();
  }
});

test("EN-02: the precise reason is for callers entitled to it: a key without that scope learns nothing of other keys", async () => {
  const isolate = await givenIsolate();
  const dead = await givenDeadKeys(isolate);
  const other = await givenKey(isolate);
  const nosy = withAdmin(
    (await givenKey(isolate, { scopes: ["gatehouse:keys", "gatehouse:keys:verify:x"] })).key,
  );
  const bodies: (string | null)[] = [];
  for (const key of [...Object.values(dead), other.key]) {
    const answer = await isolate.fetch("/v1/keys/verify", {
      ...json({ key }, { ...nosy, "x-request-id": "same-request-1" }),
    });
    bodies.push(await answer.clone().text());
    await expectProblem(answer, 403, "insufficient_scope");
  }
  expect(new Set(bodies).size).toBe(1);
  // Nor does it learn which ids there are.
  for (const id of [other.id, `key_${"a".repeat(22)}`, "x"]) {
    const answer = await isolate.fetch(`/admin/v1/keys/${id}`, { headers: nosy });
    await expectProblem(answer, 403, "insufficient_scope");
  }
  const entitled = withAdmin((await givenKey(isolate, { scopes: ["gatehouse:keys:verify"] })).key);
  const verdict = await isolate.fetch("/v1/keys/verify", json({ key: dead["revoked"] }, entitled));
  expect(await verdict.json()).toMatchObject({ valid: false, code: "revoked" });
});
