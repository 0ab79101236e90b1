import { importJWK, type JWK } from "jose";
import { expect, inject, test } from "vitest";
import { isSignedBy, parseCompactJws, type SignatureAlgorithm } from "../../src/tokens/compact-jws.ts";
import { givenIsolate } from "../support/given.ts";
import { givenTokenRoute } from "../support/given-jws.ts";

const supported = ["RS256", "ES256", "EdDSA"] as const;

async function isAccepted(text: string, jwk: JWK, algorithm: SignatureAlgorithm): Promise<boolean> {
  const jws = parseCompactJws(text);
  const key = await importJWK(jwk, algorithm);
  return jws !== null && (await isSignedBy(jws, { key: key as CryptoKey, algorithm }));
}

const joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/** Key, algorithm, and the three parts as the RFC prints them. */
const published: [where: string, jwk: JWK, algorithm: SignatureAlgorithm, parts: string[]][] = [
  [
    "RFC 7515 §A.2",
    {
      kty: "RSA",
      n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
      e: "AQAB",
    },
    "RS256",
    [
      "eyJhbGciOiJSUzI1NiJ9",
      joe,
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ],
  ],
  [
    "RFC 7515 §A.3",
    {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    },
    "ES256",
    [
      "eyJhbGciOiJFUzI1NiJ9",
      joe,
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ],
  ],
  [
    "RFC 8037 §A.4",
    { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
    "EdDSA",
    [
      "eyJhbGciOiJFZERTQSJ9",
      "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ],
  ],
  [
    "RFC 7520 §4.1",
    {
      kty: "RSA",
      n: "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
      e: "AQAB",
    },
    "RS256",
    [
      "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
      "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
      "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
    ],
  ],
];

test.each(published)(
  "RFC 7515 §5.2, %s: the published signature is right, and no other part goes with it",
  async (_, jwk, algorithm, parts) => {
    expect(await isAccepted(parts.join("."), jwk, algorithm)).toBe(true);
    for (const index of [0, 1, 2]) {
      const spoilt = parts.with(index, `A${parts[index]?.slice(1)}`);
      expect([index, await isAccepted(spoilt.join("."), jwk, algorithm)]).toEqual([index, false]);
    }
    for (const other of supported.filter((one) => one !== algorithm)) {
      const jws = parseCompactJws(parts.join("."));
      const key = (await importJWK(jwk, algorithm)) as CryptoKey;
      expect(jws && (await isSignedBy(jws, { key, algorithm: other }))).toBe(false);
    }
  },
);

test("RFC 7515 §7.1, §A.1, §A.5: the published token under an HMAC, and the one without a signature, are no tokens of ours", () => {
  const hmac = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${joe}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
  expect(parseCompactJws(hmac)).toBeNull();
  expect(parseCompactJws(`eyJhbGciOiJub25lIn0.${joe}.`)).toBeNull();
});

type Group = {
  readonly comment: string;
  readonly public?: JWK;
  readonly tests: readonly { readonly tcId: number; readonly jws: unknown; readonly result: string }[];
};
const wycheproof = inject("wycheproof");
if (wycheproof === null) console.warn("wycheproof: its folder was not found; its vectors did not run");
const groups = (text: string): Group[] => (JSON.parse(text) as { testGroups: Group[] }).testGroups;

/** What may be handed to a server as a bearer token at all: the rest of the vectors are JSON or hold white space. */
const asBearer = (jws: unknown): string =>
  (typeof jws === "string" ? jws : JSON.stringify(jws)).replaceAll(/[^\x21-\x7e]/g, "");

test.each(
  wycheproof === null ? [] : groups(wycheproof.signature).map((group, index) => [index, group] as const),
)(
  "wycheproof json_web_signature, group %i: every invalid signature is refused, every valid one of our algorithms is right",
  async (_, group) => {
    const algorithm = supported.find((one) => one === group.public?.alg);
    for (const { tcId, jws, result } of group.tests) {
      const text = typeof jws === "string" ? jws : JSON.stringify(jws);
      const accepted = algorithm && group.public ? await isAccepted(text, group.public, algorithm) : false;
      expect([tcId, accepted]).toEqual([tcId, result === "valid" && algorithm !== undefined]);
    }
  },
);

test.each(
  wycheproof === null ? [] : [["signature", wycheproof.signature] as const, ["key", wycheproof.key] as const],
)(
  "JW-10, wycheproof json_web_%s: each of them is 401 at the gateway, and one that reads as several credentials 400",
  async (_, text) => {
    const isolate = await givenIsolate();
    const route = await givenTokenRoute(isolate);
    for (const { jws, tcId } of groups(text).flatMap(({ tests }) => tests)) {
      const sent = asBearer(jws);
      const answer = await route.call(sent);
      const { error } = (await answer.json()) as { error: string };
      const word = sent === "" ? "missing_credential" : "invalid_token";
      const expected = sent.includes(",") ? [400, "several_credentials"] : [401, word];
      expect([tcId, answer.status, error]).toEqual([tcId, ...expected]);
    }
  },
);
