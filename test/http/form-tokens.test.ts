import { expect, test } from "vitest";
import { createFormTokens } from "../../src/http/form-tokens.ts";
import { createClock } from "../support/clock.ts";

const secret = (version: number, fill: number) => ({
  version,
  secret: new Uint8Array(32).map((_, at) => (at * 7 + fill) % 256),
});

test("a form's token is good for that form in that browser, and for nothing else", async () => {
  const clock = createClock();
  const tokens = await createFormTokens({ secrets: [secret(1, 3)], now: clock.now });
  const token = await tokens.make("browser-1", "/login");

  expect(await tokens.isValid(token, "browser-1", "/login")).toBe(true);
  expect(await tokens.isValid(token, "browser-2", "/login")).toBe(false);
  expect(await tokens.isValid(token, "browser-1", "/account/delete")).toBe(false);
  expect(await tokens.isValid(token, "", "/login")).toBe(false);
});

test("it lives twelve hours, and not a second of the future", async () => {
  const clock = createClock();
  const tokens = await createFormTokens({ secrets: [secret(1, 3)], now: clock.now });
  const token = await tokens.make("b", "/login");
  clock.advance(12 * 3_600_000);
  expect(await tokens.isValid(token, "b", "/login")).toBe(true);
  clock.advance(1000);
  expect(await tokens.isValid(token, "b", "/login")).toBe(false);
  clock.advance(-13 * 3_600_000);
  expect(await tokens.isValid(token, "b", "/login")).toBe(false);
});

test("any character changed, added or lost makes it worthless", async () => {
  const clock = createClock();
  const tokens = await createFormTokens({ secrets: [secret(1, 3)], now: clock.now });
  const token = await tokens.make("b", "/login");
  for (let at = 0; at < token.length; at += 1) {
    const other = token[at] === "A" ? "B" : "A";
    expect(await tokens.isValid(token.slice(0, at) + other + token.slice(at + 1), "b", "/login")).toBe(false);
    expect(await tokens.isValid(token.slice(0, at) + token.slice(at + 1), "b", "/login")).toBe(false);
  }
  for (const text of ["", ".", `${token}A`, ` ${token}`, "1".repeat(100_000)]) {
    expect(await tokens.isValid(text, "b", "/login")).toBe(false);
  }
});

test("a new secret makes tokens, the old one is taken until it is dropped", async () => {
  const clock = createClock();
  const before = await createFormTokens({ secrets: [secret(1, 3)], now: clock.now });
  const during = await createFormTokens({ secrets: [secret(2, 5), secret(1, 3)], now: clock.now });
  const after = await createFormTokens({ secrets: [secret(2, 5)], now: clock.now });
  const old = await before.make("b", "/login");
  const fresh = await during.make("b", "/login");
  expect(await during.isValid(old, "b", "/login")).toBe(true);
  expect(await after.isValid(fresh, "b", "/login")).toBe(true);
  expect(await after.isValid(old, "b", "/login")).toBe(false);
  expect(await before.isValid(fresh, "b", "/login")).toBe(false);
});
