import { expect, test } from "vitest";
import { base64url } from "../../src/crypto/bytes.ts";
import { parseVersionedSecrets, secretBytesMin } from "../../src/crypto/versioned-secrets.ts";

const randomSecret = (bytes = secretBytesMin): string =>
  base64url(crypto.getRandomValues(new Uint8Array(bytes)));

test("secrets are read whatever their order and spaces, and the newest version stands first", () => {
  const [first, second, tenth] = [randomSecret(), randomSecret(48), randomSecret()];
  const parsed = parseVersionedSecrets(` 2:${second} ,10:${tenth},1:${first}`);
  if (!parsed.ok) throw new Error(parsed.reason);
  expect(parsed.secrets.map(({ version }) => version)).toEqual([10, 2, 1]);
  expect(parsed.secrets.map(({ secret }) => base64url(secret))).toEqual([tenth, second, first]);
});

test("what is not a list of versions and secrets is refused, and the reason shows none of it", () => {
  const secret = randomSecret();
  const spoilt = [
    "",
    ",",
    secret,
    `:${secret}`,
    `0:${secret}`,
    `01:${secret}`,
    `-1:${secret}`,
    `1.5:${secret}`,
  ];
  const more = [
    `v1:${secret}`,
    `1:`,
    `1:${secret}!`,
    `1=${secret}`,
    `1:${secret},`,
    `1:${secret};2:${secret}`,
  ];
  for (const text of [...spoilt, ...more, `1:${secret} ${secret}`, `1000000:${secret}`]) {
    const parsed = parseVersionedSecrets(text);
    expect(parsed, text).toMatchObject({ ok: false, reason: expect.stringMatching(/^must be a list like/) });
    expect(JSON.stringify(parsed)).not.toContain(secret);
  }
});

test("a secret that is short, constant or nearly so is refused as too weak, by its version alone", () => {
  const constant = base64url(new Uint8Array(32));
  const word = base64url(new TextEncoder().encode("password".repeat(8)));
  const eleven = base64url(Uint8Array.from({ length: 64 }, (_, index) => index % 11));
  for (const weak of [randomSecret(31), constant, word, eleven]) {
    const parsed = parseVersionedSecrets(`1:${randomSecret()},7:${weak}`);
    expect(parsed, weak).toEqual({ ok: false, reason: "is too weak: version 7 needs 32 random bytes" });
  }
});

test("random bytes of the least length are strong enough, every time", () => {
  for (let round = 0; round < 500; round += 1) {
    expect(parseVersionedSecrets(`1:${randomSecret()}`)).toMatchObject({ ok: true });
  }
});

test("one version with two secrets is refused: which one seals would be a guess", () => {
  const parsed = parseVersionedSecrets(`1:${randomSecret()},1:${randomSecret()}`);
  expect(parsed).toEqual({ ok: false, reason: "names version 1 twice" });
});
