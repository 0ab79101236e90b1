import { displayPrefixOf, keyAnywhere } from "../../src/api-keys/key-format.ts";

/** How things look to a person: tables, fields, sentences. Nothing here is meant for a program; that is --json. */

/** A name with control or direction characters must not rewrite the terminal. */
export const plain = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );

/** What is typed wrongly is quoted back; a key that was typed is not. */
export const withoutKeys = (text: string): string =>
  text.replaceAll(new RegExp(keyAnywhere, "g"), (key) => `${displayPrefixOf(key)}…`);

const absent = "-";

export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [titles, ...rows.map((row) => row.map((cell) => plain(cell) || absent))];
  const widths = titles.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** Name and value below each other; what is null is left out. */
export function fields(entries: Readonly<Record<string, string | null | undefined>>): string {
  const present = Object.entries(entries).filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(...present.map(([name]) => name.length));
  return present
    .map(([name, value]) => `  ${name.padEnd(width)}  ${plain(value ?? "") || absent}`)
    .join("\n");
}

/** To the second, as --from and --expires take it. */
export const time = (iso: string | null): string => (iso ? iso.replace(/\.\d+Z$/, "Z") : "");

const units: readonly (readonly [number, string])[] = [
  [86_400, "d"],
  [3600, "h"],
  [60, "m"],
];

export function span(seconds: number): string {
  const unit = units.find(([size]) => seconds >= size && seconds % size === 0);
  return unit ? `${seconds / unit[0]}${unit[1]}` : `${seconds}s`;
}

export const listOf = (texts: readonly string[]): string => texts.join(" ");

type Reach = { readonly effective_everywhere_by: string | null; readonly propagation?: string };

/** When a change is felt at every edge; always the last line. */
export function feltEverywhere({ effective_everywhere_by: by, propagation }: Reach, now: number): string {
  if (by === null) return "";
  const seconds = Math.max(0, Math.ceil((Date.parse(by) - now) / 1000));
  const delayed = propagation === undefined ? "" : " Redis could not be told, so it takes longer than usual.";
  return `Felt everywhere by ${by} (in ${seconds} s at most).${delayed}`;
}

/** A secret is shown once. */
export const secretOnce = (secret: string): string =>
  `\n  ${secret}\n\nKeep it now: it will not be shown again.`;
