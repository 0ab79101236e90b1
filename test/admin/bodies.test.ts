import { describe, expect, test } from "vitest";
import { givenIsolate, unique, withAdmin } from "../support/given.ts";
import { notesOf } from "../support/given-families.ts";
import { expectProblem } from "../support/problem.ts";
import { givenOperator } from "./operator.ts";
import { givenTargets, operationIds, operationOf, sampleOf } from "./samples.ts";

const withBody = operationIds.filter((id) => operationOf(id).body !== null);
const jsonType = { "content-type": "application/json" };

describe.each(withBody)("%s", (id) => {
  const givenCall = async () => {
    const operator = await givenOperator();
    const targets = await givenTargets(operator.isolate);
    const { path, body } = sampleOf(id, targets);
    const send = (text: BodyInit, headers: Record<string, string>) =>
      operator.isolate.fetch(`/admin/v1${path}`, {
        method: operationOf(id).method.toUpperCase(),
        headers: { ...withAdmin(operator.key), ...headers },
        body: text,
      });
    const unchanged = async () => {
      expect(await operator.isolate.rooms.apiKeys.get(targets.key.id)).toEqual(targets.key.record);
      expect((await operator.isolate.rooms.routeAdmin.get(targets.route.id)).version).toBe(
        targets.route.version,
      );
      expect(await operator.isolate.rooms.accounts.get(targets.user.id)).toEqual(targets.user);
      expect(await notesOf(operator.isolate, [targets.user.id, targets.jti])).toEqual([]);
    };
    return { send, unchanged, text: JSON.stringify(body) };
  };

  test("takes JSON only: any other media type, or none, is 415", async () => {
    const { send, unchanged, text } = await givenCall();
    const kinds = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "text/json",
      "application/json2",
      "multipart/form-data",
    ];
    for (const kind of kinds) {
      await expectProblem(await send(text, { "content-type": kind }), 415, "unsupported_media_type");
    }
    await expectProblem(await send(new TextEncoder().encode(text), {}), 415, "unsupported_media_type");
    await unchanged();
  });

  test("refuses what is not JSON, or not an object: 400", async () => {
    const { send, unchanged } = await givenCall();
    for (const broken of ["{", "{'name':1}", "undefined", '{"name":"a"}x', "NaN"]) {
      await expectProblem(await send(broken, jsonType), 400, "invalid_json");
    }
    await expectProblem(await send(new Uint8Array([0x22, 0xff, 0x22]), jsonType), 400, "invalid_json");
    for (const other of ["null", "1", '"text"', "[]", "true"]) {
      await expectProblem(await send(other, jsonType), 400, "invalid_request");
    }
    await unchanged();
  });

  test("refuses more than 64 KB, announced or not: 413", async () => {
    const { send, unchanged } = await givenCall();
    const large = JSON.stringify({ name: "x".repeat(70 * 1024) });
    await expectProblem(await send(large, jsonType), 413, "content_too_large");
    const streamed = new Blob([large]).stream();
    await expectProblem(await send(streamed, jsonType), 413, "content_too_large");
    await expectProblem(await send("", { ...jsonType, "content-length": "70000" }), 413, "content_too_large");
    await unchanged();
  });
});

test("JSON's media type may carry a charset, in any case of letters", async () => {
  const { call } = await givenOperator();
  const body = { name: "typed", owner: { type: "user", id: unique("typed") } };
  for (const type of ["application/json; charset=utf-8", "Application/JSON"]) {
    expect((await call("POST", "/keys", body, { "content-type": type })).status).toBe(201);
  }
});

test("deeply nested JSON is an answer, not a crash", async () => {
  const { call } = await givenOperator();
  const deep = `{"name":"deep","owner":{"type":"user","id":"x"},"metadata":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`;
  const refused = await call("POST", "/keys", deep);
  const { detail } = await expectProblem(refused, 400, "invalid_request");
  expect(detail).toMatch(/^metadata: /);
});

test("a name like __proto__ is data, and no field of ours", async () => {
  const { call, ask } = await givenOperator();
  const owner = { type: "user", id: unique("proto") };
  const polluted = `{"name":"p","owner":${JSON.stringify(owner)},"__proto__":{"scopes":["gatehouse:admin"]}}`;
  const refused = await call("POST", "/keys", polluted);
  expect((await expectProblem(refused, 400, "invalid_request")).detail).toBe(
    "__proto__: is not a known field",
  );
  const inside = `{"name":"p","owner":${JSON.stringify(owner)},"metadata":{"__proto__":{"enabled":false},"constructor":1}}`;
  const created = await ask<{ scopes: string[]; enabled: boolean; id: string }>(201, "POST", "/keys", inside);
  expect(created).toMatchObject({ scopes: [], enabled: true });
  expect(({} as { enabled?: boolean }).enabled).toBeUndefined();
});

test("the body is not read before the caller is known", async () => {
  const isolate = await givenIsolate();
  const refused = await isolate.fetch("/admin/v1/keys", { method: "POST", body: "x".repeat(70_000) });
  await expectProblem(refused, 401, "Missing API Key");
});
