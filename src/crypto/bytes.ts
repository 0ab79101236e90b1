const encoder = new TextEncoder();

export type Bytes = Uint8Array<ArrayBuffer>;

export const utf8 = (text: string): Bytes => encoder.encode(text) as Bytes;

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexOfByte[byte];
  return text;
}

/** 122 random bits as 32 digits, for names that must be unique and keep no secret: a filled buffer costs five times as much. */
export const randomHex = (): string => crypto.randomUUID().replaceAll("-", "");

/** Base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const sextetOfCode: readonly number[] = Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (character === "+" || character === "-") return 62;
  return character === "/" || character === "_" ? 63 : Math.max(0, digits.indexOf(character));
});

/** The bytes of a base64 or base64url text, padded or not; null when it is neither. */
export function fromBase64url(text: string): Bytes | null {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return null;
  const length = text.endsWith("=") ? text.indexOf("=") : text.length;
  if (length % 4 === 1) return null;
  // A token is checked for each request: one walk costs a third of what `atob` and its spellings do.
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let held = 0;
  let bits = 0;
  let filled = 0;
  for (let index = 0; index < length; index += 1) {
    held = (held << 6) | (sextetOfCode[text.charCodeAt(index)] ?? 0);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[filled] = held >> bits;
    filled += 1;
  }
  return bytes;
}

/** Compares two texts in a time that depends on the first one's length only. */
export function equalInConstantTime(presented: string, expected: string): boolean {
  let difference = presented.length ^ expected.length;
  for (let index = 0; index < presented.length; index += 1) {
    difference |= presented.charCodeAt(index) ^ expected.charCodeAt(index % Math.max(expected.length, 1));
  }
  return difference === 0;
}
