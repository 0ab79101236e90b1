/** What a client sent, by name. */
export type Parameters = ReadonlyMap<string, readonly string[]>;

const countMax = 100;

/** RFC 6749 §3.1: a parameter without a value is one that was left out. Null: too many to be a request. */
export function parametersOf(sent: Iterable<readonly [string, string]>): Parameters | null {
  const found = new Map<string, string[]>();
  let count = 0;
  for (const [name, value] of sent) {
    count += 1;
    if (count > countMax) return null;
    if (value !== "") found.set(name, [...(found.get(name) ?? []), value]);
  }
  return found;
}

/** Null: left out, or sent twice: which of two counts would be a guess. */
export function oneOf(parameters: Parameters, name: string): string | null {
  const values = parameters.get(name) ?? [];
  return values.length === 1 ? (values[0] ?? null) : null;
}

/** The only one that may come more than once (RFC 8707 §2). */
const severally: ReadonlySet<string> = new Set(["resource"]);

/** RFC 6749 §3.1: no parameter twice. */
export const hasDuplicates = (parameters: Parameters): boolean =>
  [...parameters].some(([name, values]) => values.length > 1 && !severally.has(name));
