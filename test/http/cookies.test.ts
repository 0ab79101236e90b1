import { expect, test } from "vitest";
import { createCookies } from "../../src/http/cookies.ts";

const secure = createCookies("https://auth.example.com");
const local = createCookies("http://localhost:8787");
const sent = (cookie: string) => new Headers({ cookie });
const strict = { sameSite: "Strict", maxAgeSeconds: 60 } as const;

test("on HTTPS a cookie bears __Host-, so that no other host can set it, and is kept from scripts", () => {
  expect(secure.set("refreshToken", "gr_1", strict)).toBe(
    "__Host-refreshToken=gr_1; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=60",
  );
});

test("on plain-http loopback it has neither prefix nor Secure, which browsers would refuse there", () => {
  expect(local.set("refreshToken", "gr_1", strict)).toBe(
    "refreshToken=gr_1; Path=/; HttpOnly; SameSite=Strict; Max-Age=60",
  );
});

test("a cookie is cleared under the very attributes it was set with", () => {
  expect(secure.clear("gatehouse-session", "Lax")).toBe(
    "__Host-gatehouse-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0",
  );
});

test("only the prefixed name is read on HTTPS: a subdomain's cookie of the bare name is not ours", () => {
  expect(secure.read(sent("refreshToken=tossed; __Host-refreshToken=ours"), "refreshToken")).toBe("ours");
  expect(secure.read(sent("refreshToken=tossed"), "refreshToken")).toBeNull();
});

// RFC 6265 §5.4: the order of two cookies of one name tells nothing of who set them.
test.each(["a=1; a=2", "a=1; b=3; a=1", "a=", "b=1", "", "a", "A=1", "xa=1"])(
  "a cookie that is doubled, empty or not there is no cookie: %s",
  (cookie) => {
    expect(local.read(sent(cookie), "a")).toBeNull();
  },
);

test("a value may hold an equals sign, and spaces around it are not part of it", () => {
  expect(local.read(sent("b=1;  a = x=y ; c=2"), "a")).toBe("x=y");
});
