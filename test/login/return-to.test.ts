import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseReturnTo } from "../../src/login/return-to.ts";

const issuer = "https://auth.example.com";

test.each([
  ["/account/sessions", "/account/sessions"],
  ["/oauth/authorize?client_id=a&state=%2F%2Fx", "/oauth/authorize?client_id=a&state=%2F%2Fx"],
  ["/a/../b#c", "/b#c"],
  ["/@evil.test", "/@evil.test"],
  ["/:80", "/:80"],
])("a path of ours is kept as browsers resolve it: %s", (text, path) => {
  expect(parseReturnTo(text, issuer)).toBe(path);
});

test.each([
  null,
  undefined,
  "",
  "account",
  "?x=1",
  "//evil.test",
  "///evil.test",
  "/.//evil.test",
  "/a/..//evil.test",
  "/%2e//evil.test",
  "/\\evil.test",
  "\\\\evil.test",
  "/a\\b",
  "https:evil.test",
  "https://evil.test/",
  "https://auth.example.com@evil.test/",
  "HTTPS://auth.example.com/account",
  "javascript:alert(1)",
  "data:text/html,x",
  " /account",
  "/account ",
  "/\t/evil.test",
  "/\n/evil.test",
  "/a\r\nset-cookie: x=1",
  "/\u0000",
  "\u{FF0F}\u{FF0F}evil.test",
  "/\u{FF0F}evil.test",
  "/evil\u3002test",
  "/\u202Eevil",
  `/${"a".repeat(2048)}`,
])("anything else leads home: %j", (text) => {
  expect(parseReturnTo(text, issuer)).toBe("/account");
});

test("whatever is sent, a browser that follows the answer stays with us (RFC 9700 §4.11)", async () => {
  const parts = fc.constantFrom(
    "/",
    "\\",
    ".",
    "..",
    "//",
    ":",
    "@",
    "?",
    "#",
    "%2f",
    "%5c",
    "\t",
    "\r\n",
    "evil.test",
  );
  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.array(parts).map((all) => `/${all.join("")}`),
  );
  await fc.assert(
    fc.property(texts, (text) => {
      const answer = parseReturnTo(text, issuer);
      expect(answer).toMatch(/^\/(?![/\\])[\x21-\x7e]*$/);
      for (const page of [`${issuer}/login`, `${issuer}/account/security`])
        expect(new URL(answer, page).origin).toBe(issuer);
      expect(parseReturnTo(answer, issuer)).toBe(answer);
    }),
    { numRuns: 2000 },
  );
});
