import { expect, test } from "vitest";
import { deviceNameOf, placeNameOf } from "../../src/login/device-name.ts";
import { exactTimeOf, relativeTimeOf } from "../../src/login/relative-time.ts";

const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";

test.each([
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/140.0 Safari/537.36`, "Chrome on Windows"],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/140.0 Safari/537.36 Edg/140.0`,
    "Edge on Windows",
  ],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"],
  [
    `Mozilla/5.0 (Linux; Android 16) ${webkit} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36`,
    "Samsung Internet on Android",
  ],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15",
    "Safari on Mac",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/140.0 Mobile Safari/604.1",
    "Chrome on iPhone",
  ],
  ["printer-app/2.1", "printer-app/2.1"],
  ["x".repeat(200), "x".repeat(60)],
  ["", "An unnamed device"],
  ["   ", "An unnamed device"],
])("a device is named as a person would: %s", (userAgent, name) => {
  expect(deviceNameOf(userAgent)).toBe(name);
});

test.each([
  ["Lisbon", "PT", "Lisbon, Portugal"],
  [null, "DE", "Germany"],
  ["Lisbon", null, "Lisbon"],
  ["Nowhere", "XX", "Nowhere"],
  [null, "T1", null],
  [null, null, null],
])("a place is named as far as the edge knows it: %s %s", (city, country, name) => {
  expect(placeNameOf(city, country)).toBe(name);
});

const now = Date.UTC(2026, 10, 24, 12, 0, 0);
test.each([
  [0, "just now"],
  [-5000, "just now"],
  [59_999, "just now"],
  [60_000, "1 minute ago"],
  [59 * 60_000, "59 minutes ago"],
  [3_600_000, "1 hour ago"],
  [23 * 3_600_000, "23 hours ago"],
  [86_400_000, "1 day ago"],
  [29 * 86_400_000, "29 days ago"],
  [30 * 86_400_000, "on 25 October 2026"],
])("%i ms ago is told as one would say it", (age, words) => {
  expect(relativeTimeOf(new Date(now - age), now)).toBe(words);
  expect(exactTimeOf(new Date(now))).toBe("2026-11-24 12:00 UTC");
});
