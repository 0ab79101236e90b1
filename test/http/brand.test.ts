import { expect, test } from "vitest";
import { contrastOf, defaultAccent, parseAccent, surfaces } from "../../src/http/brand.ts";

test("contrast is WCAG's: 21 for black on white, 1 for a colour on itself, either way round", () => {
  expect(contrastOf("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrastOf("#ffffff", "#000000")).toBeCloseTo(21, 5);
  expect(contrastOf("#1d5fc4", "#1d5fc4")).toBe(1);
  // WCAG's own border case: #767676 is the lightest grey that may stand on white.
  expect(contrastOf("#767676", "#ffffff")).toBeGreaterThan(4.5);
  expect(contrastOf("#777777", "#ffffff")).toBeLessThan(4.5);
});

test.each([defaultAccent, "#000000", "#7A0019", "#0b6e4f", "#5b21b6"])(
  "an accent that is taken can be read in both schemes, as text and under text: %s",
  (text) => {
    const accent = parseAccent(text);
    expect(contrastOf(accent?.onLight ?? "", surfaces.light)).toBeGreaterThanOrEqual(4.5);
    expect(contrastOf("#ffffff", accent?.onLight ?? "")).toBeGreaterThanOrEqual(4.5);
    expect(contrastOf(accent?.onDark ?? "", surfaces.dark)).toBeGreaterThanOrEqual(4.5);
    expect(contrastOf("#121418", accent?.onDark ?? "")).toBeGreaterThanOrEqual(4.5);
  },
);

test.each([
  "#ffffff",
  "#ffcc00",
  "#8ab4f8",
  "#777777",
  "red",
  "#12345",
  "#1234567",
  "1d5fc4",
  "",
  "#1d5fc4;}*{",
])("what cannot be read on a light page, or is no colour, is not taken: %s", (text) => {
  expect(parseAccent(text)).toBeNull();
});
