/** In order: those that borrow another's name come before it. */
const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?(?:iOS)?\//, "Edge"],
  [/\bOPR\/|\bOPT\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bChrome\/|\bCriOS\/|\bChromium\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "Mac"],
  [/\bLinux\b|\bX11\b/, "Linux"],
];
const ownNameMax = 60;

const firstOf = (list: typeof browsers, text: string): string | null =>
  list.find(([pattern]) => pattern.test(text))?.[1] ?? null;

/** What a person calls it: "Firefox on Windows". A program that is no browser is shown by the name it gives itself. */
export function deviceNameOf(userAgent: string): string {
  const browser = firstOf(browsers, userAgent);
  const system = firstOf(systems, userAgent);
  if (browser !== null) return system === null ? browser : `${browser} on ${system}`;
  const ownName = userAgent.trim().slice(0, ownNameMax);
  return ownName === "" ? "An unnamed device" : ownName;
}

/** "Lisbon, Portugal": as the edge tells it, which is near the truth and no more. */
export function placeNameOf(city: string | null, country: string | null): string | null {
  const parts = [city, country === null ? null : countryNameOf(country)].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(", ");
}

/** The edge also says `XX` and `T1`, which are no countries. */
function countryNameOf(code: string): string | null {
  if (!/^[A-Z]{2}$/.test(code) || code === "XX") return null;
  return new Intl.DisplayNames(["en"], { type: "region", fallback: "code" }).of(code) ?? null;
}
