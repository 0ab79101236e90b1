/**
 * Parameters arrive as text or null from the driver; the proxy also takes any other JSON: numbers and
 * booleans as they are written, objects as JSON, arrays as Postgres' array literals.
 */
export function jsonToPostgresText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `{${value.map(arrayElement).join(",")}}`;
  return JSON.stringify(value);
}

function arrayElement(value: unknown): string {
  if (value === null) return "NULL";
  if (Array.isArray(value)) return `{${value.map(arrayElement).join(",")}}`;
  if (typeof value === "object") return JSON.stringify(JSON.stringify(value));
  return JSON.stringify(value);
}

/** pg_type.oid of the types that the proxy parses itself when raw output was not asked for. */
const BOOL = 16;
const INT2 = 21;
const INT4 = 23;
const FLOAT4 = 700;
const FLOAT8 = 701;
const JSON_TYPE = 114;
const JSONB = 3802;

/** Array types by their element type, for the types above and the commonest others (left as text). */
const ARRAY_ELEMENTS: Record<number, number> = {
  199: JSON_TYPE,
  1000: BOOL,
  1001: 17,
  1005: INT2,
  1007: INT4,
  1009: 25,
  1014: 1042,
  1015: 1043,
  1016: 20,
  1021: FLOAT4,
  1022: FLOAT8,
  1028: 26,
  1041: 869,
  1115: 1114,
  1182: 1082,
  1185: 1184,
  1231: 1700,
  2951: 2950,
  3807: JSONB,
};

/** Without raw mode: booleans, small integers, floats, json and arrays are parsed, the rest stays text. */
export function postgresTextToJson(text: string | null, typeId: number): unknown {
  if (text === null) return null;
  const element = ARRAY_ELEMENTS[typeId];
  if (element !== undefined) return parseArray(text, element);
  switch (typeId) {
    case BOOL:
      return text === "t";
    case INT2:
    case INT4:
      return Number(text);
    case FLOAT4:
    case FLOAT8:
      // NaN and the infinities have no JSON form.
      return Number.isFinite(Number(text)) ? Number(text) : text;
    case JSON_TYPE:
    case JSONB:
      return JSON.parse(text);
    default:
      return text;
  }
}

function parseArray(text: string, element: number): unknown {
  // `[2:3]={…}` announces lower bounds, which JSON cannot carry.
  const start = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  const tokens = text.slice(start).match(/[{},]|"(?:[^"\\]|\\.)*"|[^{},"]+/gs) ?? [];
  const stack: unknown[][] = [[]];
  for (const token of tokens) {
    const top = stack[stack.length - 1] ?? [];
    if (token === "{") {
      const inner: unknown[] = [];
      top.push(inner);
      stack.push(inner);
    } else if (token === "}") stack.pop();
    else if (token === ",") continue;
    else if (token === "NULL") top.push(null);
    else {
      const bare = token.startsWith('"') ? token.slice(1, -1).replace(/\\(.)/gs, "$1") : token;
      top.push(postgresTextToJson(bare, element));
    }
  }
  return stack[0]?.[0];
}
