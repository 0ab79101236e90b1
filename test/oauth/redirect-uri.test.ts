import { describe, expect, test } from "vitest";
import { redirectUriFault, trustLogoutRedirect, trustRedirect } from "../../src/oauth/redirect-uri.ts";

const trusted = (registered: string, presented: string): boolean =>
  trustRedirect({ redirectUris: [registered] }, presented)?.uri === presented;

describe("registering", () => {
  test.each([
    "https://shop.example/cb",
    "https://shop.example",
    "https://shop.example/cb?tenant=1",
    "https://[2001:db8::1]/cb",
    "http://localhost:8080/cb",
    "http://127.0.0.1/cb",
    "http://[::1]:1/",
    "com.example.app:/cb",
    "com.example.app://oauth/cb",
  ])("%s is taken", (uri) => {
    expect(redirectUriFault(uri)).toBeNull();
  });

  // RFC 6749 §3.1.2, RFC 8252 §7.1 and RFC 8252 §7.3.
  test.each([
    "",
    "cb",
    "/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "myapp:/cb",
    "myapp://cb",
    "http://shop.example/cb",
    "http://127.1/cb",
    "http://0x7f000001/cb",
    "http://127.0.0.2/cb",
    "http://localhost.evil.example/cb",
    "http://localhost@evil.example/cb",
    "https://user:secret@shop.example/cb",
    "https://shop.example/cb#here",
    "https://shop.example/cb#",
    "https://*.shop.example/cb",
    "https://shop.example/*",
    "https://Shop.example/cb",
    "HTTPS://shop.example/cb",
    "https://shop.example:443/cb",
    "https://shop.example/a/../cb",
    "https://shop.example/a/%2e%2e/cb",
    "https://shop.example\\cb",
    "https://shop.example/c b",
    "https://shop.example/cb\n",
    "https://bücher.example/cb",
    " https://shop.example/cb",
    `https://shop.example/${"a".repeat(2048)}`,
  ])("%j is refused", (uri) => {
    expect(redirectUriFault(uri)).toEqual(expect.any(String));
  });
});

describe("matching", () => {
  const registered = "https://shop.example/cb?tenant=1";

  test("is text for text (RFC 9700 §4.1.3)", () => {
    expect(trusted(registered, registered)).toBe(true);
    expect(trustLogoutRedirect({ postLogoutRedirectUris: [registered] }, registered)?.uri).toBe(registered);
    expect(trustLogoutRedirect({ postLogoutRedirectUris: [] }, registered)).toBeNull();
  });

  test.each([
    "https://shop.example/cb",
    "https://shop.example/cb?tenant=1&x=2",
    "https://shop.example/cb?tenant=2",
    "https://shop.example/cb/?tenant=1",
    "https://shop.example/cb/more?tenant=1",
    "https://shop.example/CB?tenant=1",
    "https://SHOP.example/cb?tenant=1",
    "https://shop.example:443/cb?tenant=1",
    "https://shop.example:8443/cb?tenant=1",
    "https://evil.example/cb?tenant=1",
    "https://shop.example.evil.example/cb?tenant=1",
    "https://shop.example@evil.example/cb?tenant=1",
    "https://shop.example/%63b?tenant=1",
    "https://shop.example/a/%2e%2e/cb?tenant=1",
    "https://shop.example/a%2f..%2fcb?tenant=1",
    "https://shop.example/%252e%252e/cb?tenant=1",
    "https://shop.example\\cb?tenant=1",
    "https://shop.example/cb?tenant=1#x",
    "http://shop.example/cb?tenant=1",
    "//shop.example/cb?tenant=1",
    "",
  ])("the registered one altered to %j is not trusted", (presented) => {
    expect(trusted(registered, presented)).toBe(false);
  });

  test("a native application may use any port, and any name of this machine, when one was registered (RFC 8252 §7.3)", () => {
    for (const one of ["http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]:9/cb"]) {
      for (const presented of [
        "http://localhost/cb",
        "http://localhost:54321/cb",
        "http://127.0.0.1:1/cb",
        "http://[::1]:65535/cb",
      ])
        expect([one, presented, trusted(one, presented)]).toEqual([one, presented, true]);
    }
  });

  test.each([
    "http://localhost:3000/other",
    "http://localhost:3000/cb?x=1",
    "http://localhost:3000/cb#x",
    "http://localhost:3000/cb/",
    "https://localhost:3000/cb",
    "http://localhost:99999/cb",
    "http://localhost:/cb",
    "http://localhost:3000@evil.example/cb",
    "http://127.1:3000/cb",
    "http://127.0.0.2:3000/cb",
    "http://0.0.0.0:3000/cb",
    "http://localhost.evil.example:3000/cb",
    "http://LOCALHOST:3000/cb",
    "http://[::ffff:127.0.0.1]:3000/cb",
  ])("and %s is still another place", (presented) => {
    expect(trusted("http://localhost:3000/cb", presented)).toBe(false);
  });
});
