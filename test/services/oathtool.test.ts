import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { newTotpSecret, stepOf } from "../../src/mfa/factors/totp.ts";

/** A second implementation of RFC 6238: what an authenticator application would show. */
const codeBy = (secret: string, seconds: number): string =>
  execFileSync("oathtool", ["--totp", "--base32", `--now=@${seconds}`, secret], { encoding: "utf8" }).trim();

test("codes that oathtool makes of our secrets are those of their time steps, over years", () => {
  const { secret } = newTotpSecret({ issuer: "Gatehouse", account: "ada@example.com" });
  for (let time = 0; time < 25; time += 1) {
    const seconds = 1_764_000_000 + time * 7_776_017;
    const found = stepOf(codeBy(secret, seconds), { secret, at: seconds * 1000, window: 0, after: 0 });
    expect(found).toBe(Math.floor(seconds / 30));
  }
});
