import { Secret, TOTP } from "otpauth";
import { expect } from "vitest";
import { pathOf, type Window } from "./browser.ts";
import { fill, press } from "./people.ts";

/** What an authenticator app shows now. A step later its next code, which nobody has used yet. */
export const codeOf = (secret: string, stepsLater = 0): string =>
  new TOTP({ algorithm: "SHA1", digits: 6, period: 30, secret: Secret.fromBase32(secret) }).generate({
    timestamp: Date.now() + stepsLater * 30_000,
  });

/** The key as somebody reads it from the page, into the field of its first code. */
export async function setUpApp({ page }: Window): Promise<string> {
  await page.goto("/account/security/app");
  await press(page, "Set up an app");
  const secret = (await page.locator("#secret").innerText()).replaceAll(" ", "");
  await fill(page, { "Code from your authenticator app": codeOf(secret) });
  await press(page, "Turn it on");
  expect(pathOf(page)).toBe("/account/security/recovery-codes");
  return secret;
}

/** A security key with a finger on it, in this window (WebDriver's virtual authenticator). */
export async function givenAuthenticator({ context, page }: Window) {
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    count: async (): Promise<number> =>
      (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length,
    /** What it does from now on when it is asked. */
    isWilling: (enabled: boolean) =>
      devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled }),
    isVerifying: (isUserVerified: boolean) =>
      devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
  };
}
