/** E.164: a plus, a country's calling code, at most fifteen digits. Eight is the shortest that a mobile telephone has. */
const numberShape = /^\+[1-9][0-9]{7,14}$/;

/** Calling codes and what may follow. An entry that is the beginning of several countries' codes is none. */
const countryShape =
  /^\+(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[0578]|9[679])\d)\d{0,5}$/;

/**
 * Countries and islands under the calling code of another, and ranges under it at prices of their own: what they cost,
 * and who earns by it, is not what whoever named the code had in mind. Each is open when it is named itself.
 */
const apart = [
  // The islands and territories of North America's plan, and its numbers that are paid for.
  "1242 1246 1264 1268 1284 1340 1345 1441 1473 1649 1658 1664 1670 1671 1684 1721 1758 1767 1784 1787 1809 1829 1849",
  "1868 1869 1876 1900 1939",
  // Kazakhstan and Abkhazia; personal numbers, Jersey, Guernsey and Man; the Vatican; Svalbard; Åland.
  "76 77 7840 7940 4470 447509 447829 447937 4477003 4477007 4477008 447797 447781 447839 4479111 4479117 4474576",
  "447524 447624 447924 3906698 4779 35818",
  // Western Sahara; Mayotte; Curaçao; the Cocos and Christmas Islands.
  "2125288 2125289 262269 262639 5999 6189162 6189164",
].flatMap((line) => line.split(" "));

/** As it is dialled from anywhere. Spaces and hyphens between digits are how people write it; all else is no number. */
export function parsePhoneNumber(text: string): string | null {
  if (/^[ -]|[ -]$|[ -]{2}/.test(text)) return null;
  const number = text.replaceAll(/[ -]/g, "");
  return numberShape.test(number) ? number : null;
}

/** `+49,+1`. Null when one of them is no calling code. */
export function parseCountries(entries: readonly string[]): readonly string[] | null {
  return entries.length > 0 && entries.every((entry) => countryShape.test(entry)) ? entries : null;
}

/** The longest prefix decides, of those that are named and those that stand apart: `+1` does not open `+1242`. */
export function isServed(number: string, countries: readonly string[]): boolean {
  const digits = number.slice(1);
  const longest = (prefixes: readonly string[]): number =>
    Math.max(0, ...prefixes.filter((prefix) => digits.startsWith(prefix)).map(({ length }) => length));
  const named = longest(countries.map((country) => country.slice(1)));
  return named > 0 && named >= longest(apart);
}

/** As much as its owner needs to know which one it is. */
export const endingOf = (number: string): string => number.slice(-2);

/** Numbers that are next to each other: how messages are pumped to whoever earns by them. */
export const prefixOf = (number: string): string => number.slice(1, 8);
