import fc from "fast-check";
import { expect, test } from "vitest";
import { isScope } from "../../src/api-keys/record.ts";
import { unique } from "../support/given.ts";
import { givenManagement } from "./management.ts";

/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). */
const isScopeToken = (text: string): boolean =>
  text.length > 0 &&
  [...text].every((letter) => {
    const code = letter.codePointAt(0) ?? 0;
    return code === 0x21 || (code >= 0x23 && code <= 0x5b) || (code >= 0x5d && code <= 0x7e);
  });

test("a scope is what RFC 6749 §3.3 calls a scope token, without the comma that joins scopes in a header", () => {
  const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12, unit: "binary" }));
  fc.assert(
    fc.property(text, (given) => {
      expect(isScope(given)).toBe(isScopeToken(given) && !given.includes(","));
    }),
    { examples: [[""], ["a b"], ['"'], ["\\"], ["!"], ["~"], ["a,b"], ["a\n"], ["invoices:read"]] },
  );
  expect([isScope("a".repeat(128)), isScope("a".repeat(129))]).toEqual([true, false]);
});

test("a key with a scope that is none, or with one twice, is not made", async () => {
  const { manage } = await givenManagement();
  const owner = { type: "user", id: unique("user") };
  for (const scopes of [["a b"], [""], ["a,b"], ['"'], ["x", "x"], ["é"], "read"]) {
    const answer = await manage("POST", "/keys", { name: "n", owner, scopes });
    expect([answer.status, answer.body.error], JSON.stringify(scopes)).toEqual([400, "invalid_request"]);
  }
  expect((await manage("GET", `/keys?owner_type=user&owner_id=${owner.id}`)).body.data).toEqual([]);
});
