/** As much of JSON Schema (2020-12) as our document uses; an unknown keyword is an error, not a pass. */
export type Schema = { readonly [keyword: string]: unknown };

type Check = (expected: never, value: unknown, schema: Schema) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const types: Record<string, (value: unknown) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

const checks: Record<string, Check> = {
  type: (expected: string, value) => types[expected]?.(value) ?? false,
  enum: (expected: unknown[], value) => expected.includes(value),
  const: (expected: unknown, value) => expected === value,
  anyOf: (expected: Schema[], value) => expected.some((one) => matches(one, value)),
  allOf: (expected: Schema[], value) => expected.every((one) => matches(one, value)),
  required: (expected: string[], value) =>
    !isObject(value) || expected.every((name) => Object.hasOwn(value, name)),
  properties: (expected: Record<string, Schema>, value) =>
    !isObject(value) ||
    Object.entries(expected).every(([name, one]) => !Object.hasOwn(value, name) || matches(one, value[name])),
  additionalProperties: (expected: boolean | Schema, value, schema) =>
    !isObject(value) ||
    Object.keys(value).every((name) => {
      const isNamed = Object.hasOwn((schema["properties"] ?? {}) as object, name);
      return isNamed || (typeof expected === "boolean" ? expected : matches(expected, value[name]));
    }),
  items: (expected: Schema, value) => !Array.isArray(value) || value.every((one) => matches(expected, one)),
  minItems: (expected: number, value) => !Array.isArray(value) || value.length >= expected,
  maxItems: (expected: number, value) => !Array.isArray(value) || value.length <= expected,
  minLength: (expected: number, value) => typeof value !== "string" || value.length >= expected,
  maxLength: (expected: number, value) => typeof value !== "string" || value.length <= expected,
  pattern: (expected: string, value) => typeof value !== "string" || new RegExp(expected, "u").test(value),
  minimum: (expected: number, value) => typeof value !== "number" || value >= expected,
  maximum: (expected: number, value) => typeof value !== "number" || value <= expected,
  format: (expected: string, value) =>
    typeof value !== "string" ||
    (expected === "date-time" ? !Number.isNaN(Date.parse(value)) : expected === "uri" && URL.canParse(value)),
  default: () => true,
};

export function matches(schema: Schema, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, expected]) => {
    const check = checks[keyword];
    if (!check) throw new Error(`the validator does not know ${keyword}`);
    return check(expected as never, value, schema);
  });
}
