import type { Level } from "../tokens/levels.ts";

/** The values of `acr`, weakest first. */
export const acrValuesSupported = [
  "one-factor",
  "two-factor",
  "phishing-resistant",
] as const satisfies readonly Level[];

/** What nobody knows stands below all of them. */
const rankOf = (level: string): number => acrValuesSupported.indexOf(level as Level);

export const isWeaker = (level: string, than: string): boolean => rankOf(level) < rankOf(than);
