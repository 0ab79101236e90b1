/**
 * Stands in for the SHA-2 and SHA-3 of the TOTP library (wrangler.toml, `[alias]`): what authenticator applications read is
 * SHA-1 (factors/totp.ts, `shape`), and elsewhere the platform hashes. What is undefined here throws when it is used.
 */
export const sha224 = undefined;
export const sha256 = undefined;
export const sha384 = undefined;
export const sha512 = undefined;
export const sha3_224 = undefined;
export const sha3_256 = undefined;
export const sha3_384 = undefined;
export const sha3_512 = undefined;
