import { type Bytes, utf8 } from "../../src/crypto/bytes.ts";

export type Encodable = number | string | Uint8Array | Map<number | string, Encodable> | readonly Encodable[];

/** The part of CBOR that authenticators write, in the shortest form (RFC 8949 §4.2.1). */
export function encodeCbor(value: Encodable): Bytes {
  if (typeof value === "number") return value < 0 ? headed(1, -1 - value) : headed(0, value);
  if (typeof value === "string") return headed(3, utf8(value).length, [utf8(value)]);
  if (value instanceof Uint8Array) return headed(2, value.length, [value]);
  if (value instanceof Map) {
    const parts = [...value].flatMap(([key, item]) => [encodeCbor(key), encodeCbor(item)]);
    return headed(5, value.size, parts);
  }
  return headed(4, value.length, value.map(encodeCbor));
}

function headed(major: number, count: number, parts: readonly Uint8Array[] = []): Bytes {
  const top = major << 5;
  const head = (count < 24 && [top | count]) ||
    (count < 256 && [top | 24, count]) ||
    (count < 65_536 && [top | 25, count >> 8, count & 255]) || [
      top | 26,
      (count >> 24) & 255,
      (count >> 16) & 255,
      (count >> 8) & 255,
      count & 255,
    ];
  return new Uint8Array([...head, ...parts.flatMap((part) => [...part])]);
}
