// UN-02 and UN-03 as far as they apply without accounts: names, owners, scopes, hosts, credentials and header names.
import { expect, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import {
  givenAdminKey,
  givenIsolate,
  givenKey,
  givenRoute,
  json,
  unique,
  withAdmin,
} from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

/** Spellings that look like the first, or become it in some reader: fullwidth, Kelvin, dotless, zero-width, Cyrillic. */
const likeAdmin = [
  "ａｄｍｉｎ",
  "adm\u0131n",
  "admi\u200bn",
  "\ufeffadmin",
  "аdmin",
  "admin\u0301",
  "ADM\u0130N",
  "admin\u00a0",
  "admin\u2024",
];

test("UN-02: an owner and a scope are visible ASCII, so that no look-alike of either can exist", async () => {
  const isolate = await givenIsolate();
  const headers = withAdmin(await givenAdminKey(isolate));
  const owner = { type: "user", id: unique("owner") };
  for (const look of [...likeAdmin, "gatehouse:\u212aeys:verify", "ſcope"]) {
    for (const body of [
      { name: "n", owner: { type: "user", id: look } },
      { name: "n", owner: { type: look, id: "x" } },
      { name: "n", owner, scopes: [look] },
      { name: "n", owner, scopes: [`gatehouse:${look}`] },
      { name: "n", owner, environment: look },
      { name: "n", owner, limits: [{ name: look, limit: 1, window_seconds: 1 }] },
    ]) {
      const answer = await isolate.fetch("/admin/v1/keys", json(body, headers));
      expect((await expectProblem(answer, 400, "invalid_request")).detail).not.toContain(look);
    }
    const path = `/admin/v1/owners/user/${encodeURIComponent(look)}/revoke-keys`;
    await expectProblem(await isolate.fetch(path, json({}, headers)), 404, "not_found");
  }
  expect(await isolate.rooms.apiKeys.list({ owner: { type: "user", id: owner.id }, limit: 5 })).toEqual([]);
});

test("UN-02: owners that differ in case or in a dot are different owners everywhere", async () => {
  const isolate = await givenIsolate();
  const word = unique("Owner");
  const ids = [word, word.toLowerCase(), word.toUpperCase(), `${word}.`, `${word}%20`, `${word}%2e`];
  const keys = await Promise.all(ids.map((id) => givenKey(isolate, { owner: { type: "user", id } })));
  const headers = withAdmin(await givenAdminKey(isolate));
  const route = await givenRoute(isolate, {
    limits: [{ name: "one", permits: 1, windowSeconds: 60, per: "owner", whenUnavailable: "closed" }],
  });
  for (const [index, { key }] of keys.entries()) {
    const answer = await isolate.fetch(route.url, { headers: { "x-api-key": key } });
    expect([ids[index], answer.status]).toEqual([ids[index], 200]);
    expect((await echoOf(answer)).headers["x-user-id"]).toBe(ids[index]);
  }
  const revoke = (id: string) =>
    isolate.fetch(`/admin/v1/owners/user/${encodeURIComponent(id)}/revoke-keys`, json({}, headers));
  for (const [index, id] of ids.entries()) {
    expect(await (await revoke(id)).json()).toMatchObject({ key_ids: [keys[index]?.id] });
  }
});

test("UN-02: a name may be in any script and comes back as it was given, but cannot turn the text around it", async () => {
  const isolate = await givenIsolate();
  const headers = withAdmin(await givenAdminKey(isolate));
  const owner = { type: "user", id: unique("owner") };
  for (const name of ["Zoë", "Zoe\u0308", "鍵", "مفتاح", "می\u200cخواهم", "👩\u200d🔧", "ﬁrst", "ＫＥＹ"]) {
    const made = await isolate.fetch("/admin/v1/keys", json({ name, owner }, headers));
    const record = (await made.json()) as { id: string; name: string };
    expect([made.status, record.name]).toEqual([201, name]);
    const kept = await isolate.fetch(`/admin/v1/keys/${record.id}`, { headers });
    expect(await kept.json()).toMatchObject({ name });
  }
  // A list of names on an operator's screen: overrides, isolates and line separators would rearrange it.
  for (const control of ["\u202e", "\u202a", "\u2066", "\u2069", "\u2028", "\u2029", "\u0085", "\u001b[2J"]) {
    const name = `billing${control}nimda`;
    const refused = await isolate.fetch("/admin/v1/keys", json({ name, owner }, headers));
    expect((await expectProblem(refused, 400, "invalid_request")).detail).toBe(
      "name: must not hold control characters",
    );
  }
});

test("UN-02: a credential in look-alike letters is malformed without a call, and look-alike header names are no credential", async () => {
  const isolate = await givenIsolate();
  const { key, id } = await givenKey(isolate);
  const route = await givenRoute(isolate);
  await isolate.fetch((await givenRoute(isolate, { credentials: ["public"] })).url);
  await isolate.settle();
  const verifier = (await givenKey(isolate, { scopes: ["gatehouse:keys:verify"] })).key;
  // A header's value is bytes: what is beyond Latin-1 arrives as its UTF-8, one character a byte.
  const onTheWire = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
  const looks = [
    key.replace("gk", "ｇｋ"),
    key.replace("k_", "\u212a_"),
    `\u200b${key}`,
    `${key}\u200b`,
    `\ufeff${key}`,
    key.replace("_", "\uff3f"),
    `${key.slice(0, -1)}${String.fromCharCode(0xff21)}`,
    `${key}\u0301`,
  ];
  for (const look of looks) {
    const answer = await isolate.fetch(route.url, { headers: { "x-api-key": onTheWire(look) } });
    await expectProblem(answer, 403, "Invalid API Key");
    const verdict = await isolate.fetch("/v1/keys/verify", json({ key: look }, withAdmin(verifier)));
    expect(await verdict.json()).toEqual({ valid: false, code: "malformed" });
  }
  await isolate.settle();
  expect((await isolate.rooms.apiKeys.get(id)).lastUsedAt).toBeNull();
});

test("UN-02: a host in look-alike letters is the host it becomes or a stranger's, and never opens another route", async () => {
  const isolate = await givenIsolate();
  const host = `k${crypto.randomUUID().slice(0, 8)}.example.test`;
  await givenRoute(isolate, { host, path: "/" });
  for (const same of [host.replace("k", "\u212a"), host.replaceAll(".", "\u3002"), host.replace("k", "ｋ")]) {
    await expectProblem(await isolate.fetch(`https://${same}/x`), 401, "Missing API Key");
  }
  for (const other of [host.replace("k", "\u043a"), `xn--${host}`, host.replace("example", "examp\u0142e")]) {
    const url = `https://${other}/x`;
    if (!URL.canParse(url)) continue;
    await expectProblem(await isolate.fetch(url), 404, "not_found");
  }
  expect(URL.canParse(`https://${host.replace("k", "\u043a")}/x`)).toBe(true);
});

test("UN-03: nothing is cut before it is compared: a key that agrees in its first 68 characters, or a longer imported one, is another", async () => {
  const isolate = await givenIsolate();
  const headers = withAdmin(await givenAdminKey(isolate));
  const route = await givenRoute(isolate);
  const stem = `legacy_${crypto.randomUUID().replaceAll("-", "").repeat(7)}`;
  const secret = `${stem}A`;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret)));
  const sha256 = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const key = { name: "n", owner: { type: "user", id: unique("o") }, sha256, prefix: "legacy_" };
  expect((await isolate.fetch("/admin/v1/keys/import", json({ keys: [key] }, headers))).status).toBe(201);
  const ask = (text: string) => isolate.fetch(route.url, { headers: { "x-api-key": text } });
  expect((await ask(secret)).status).toBe(200);
  for (const near of [`${stem}B`, stem, `${stem}AA`, secret.toUpperCase()]) {
    await expectProblem(await ask(near), 403, "Invalid API Key");
  }
  const ours = await givenKey(isolate);
  await expectProblem(await ask(`${ours.key}A`), 403, "Invalid API Key");
});
