import type { Bytes } from "../crypto/bytes.ts";

export type Cbor = number | string | boolean | null | Bytes | readonly Cbor[] | CborMap;
export type CborMap = ReadonlyMap<number | string, Cbor>;

/** Attestation statements nest three deep; CTAP2 allows four. */
const depthMax = 6;

/**
 * Reads one item and says where it ends, so that what follows it can be refused: the library reads the first item of
 * a text and never looks behind it. What CTAP2 does not use (tags, floats, indefinite lengths) is malformed, and so is
 * a key said twice. Null for anything malformed.
 */
export function readCbor(bytes: Bytes, start = 0): { value: Cbor; end: number } | null {
  const cursor = { bytes, at: start };
  try {
    const value = readItem(cursor, 0);
    return { value, end: cursor.at };
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof TypeError) return null;
    throw thrown;
  }
}

const malformed = (): RangeError => new RangeError("malformed CBOR");

type Cursor = { readonly bytes: Bytes; at: number };

function readItem(cursor: Cursor, depth: number): Cbor {
  if (depth > depthMax) throw malformed();
  const first = take(cursor, 1)[0] ?? 0;
  const major = first >> 5;
  if (major === 7) return readSimple(first & 31);
  const length = readLength(cursor, first & 31);
  switch (major) {
    case 0:
      return length;
    case 1:
      return -1 - length;
    case 2:
      return take(cursor, length);
    case 3:
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(take(cursor, length));
    case 4:
      return Array.from({ length: countOf(cursor, length) }, () => readItem(cursor, depth + 1));
    case 5:
      return readMap(cursor, length, depth + 1);
    default:
      throw malformed();
  }
}

function readMap(cursor: Cursor, length: number, depth: number): CborMap {
  const map = new Map<number | string, Cbor>();
  for (let left = countOf(cursor, length); left > 0; left -= 1) {
    const key = readItem(cursor, depth);
    if ((typeof key !== "number" && typeof key !== "string") || map.has(key)) throw malformed();
    map.set(key, readItem(cursor, depth));
  }
  return map;
}

/** Every item has a byte at least, so a count beyond what is left is a lie, and no room is made for it. */
function countOf(cursor: Cursor, length: number): number {
  if (length > cursor.bytes.length - cursor.at) throw malformed();
  return length;
}

function readLength(cursor: Cursor, info: number): number {
  if (info < 24) return info;
  const width = { 24: 1, 25: 2, 26: 4 }[info];
  if (width === undefined) throw malformed();
  return take(cursor, width).reduce((sum, byte) => sum * 256 + byte, 0);
}

function readSimple(info: number): boolean | null {
  const value = { 20: false, 21: true, 22: null }[info];
  if (value === undefined) throw malformed();
  return value;
}

function take(cursor: Cursor, length: number): Bytes {
  if (length > cursor.bytes.length - cursor.at) throw malformed();
  cursor.at += length;
  return cursor.bytes.slice(cursor.at - length, cursor.at);
}
