import * as v from "valibot";
import { expect, test } from "vitest";
import { readForm } from "../../src/http/form.ts";

const schema = v.strictObject({ email: v.string(), password: v.string() });
const form = (body: string, type = "application/x-www-form-urlencoded") =>
  readForm(
    new Request("https://x.test/", { method: "POST", body, headers: { "content-type": type } }),
    schema,
  );

test("a form's fields come as they were typed: plus, percent and UTF-8 decoded, nothing trimmed", async () => {
  expect(await form("email=a%2Bb%40x.test&password=+%F0%9F%94%91%20")).toEqual({
    email: "a+b@x.test",
    password: " 🔑 ",
  });
});

// RFC 6749 §3.2: parameters must not be included more than once.
test.each([
  ["a field twice", "email=a&email=b&password=c"],
  ["too many fields", Array.from({ length: 51 }, (_, at) => `f${at}=1`).join("&")],
  ["a field it does not know", "email=a&password=b&admin=1"],
  ["a name that objects have by themselves", "email=a&password=b&__proto__=1&constructor=2"],
  ["a missing field", "email=a"],
])("a form with %s is refused", async (_, body) => {
  await expect(form(body)).rejects.toThrow("invalid_request");
});

test.each(["application/json", "text/plain", "multipart/form-data; boundary=x", ""])(
  "only a form's media type is read: %s",
  async (type) => {
    await expect(form("email=a&password=b", type)).rejects.toThrow("unsupported_media_type");
  },
);

test("a form of more than 16 KB is refused while it is read", async () => {
  await expect(form(`email=a&password=${"x".repeat(16 * 1024)}`)).rejects.toThrow("content_too_large");
});
