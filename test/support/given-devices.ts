import { expect } from "vitest";
import type { ClientMetadata } from "../../src/oauth/client.ts";
import type { Isolate } from "./given.ts";
import type { Browser, Seen } from "./given-browser.ts";
import { basic, form } from "./given-clients.ts";
import { type App, exchange, givenProvider, type Sent } from "./given-provider.ts";

export const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

/** A program on a device: it has the grant and refresh tokens, and no redirect URI. */
export const deviceApp: Partial<ClientMetadata> = {
  grantTypes: [deviceGrant, "refresh_token"],
  responseTypes: [],
  redirectUris: [],
};

export const givenDeviceProvider = (metadata: Partial<ClientMetadata> = {}) =>
  givenProvider({ ...deviceApp, ...metadata });

export type DeviceTold = {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
};

export function askForDevice(isolate: Isolate, client: App, fields: Record<string, string> = {}) {
  const isPublic = client.client.authenticationMethod === "none";
  const headers = isPublic ? {} : basic(client.id, client.secret);
  const own: Record<string, string> = isPublic ? { client_id: client.id } : {};
  return isolate.fetch("/oauth/device_authorization", form({ ...own, scope: "openid", ...fields }, headers));
}

export async function givenDevice(isolate: Isolate, client: App, fields: Record<string, string> = {}) {
  const answer = await askForDevice(isolate, client, fields);
  expect(answer.status).toBe(200);
  return (await answer.json()) as DeviceTold;
}

export const poll = (
  isolate: Isolate,
  client: App,
  { device_code }: Pick<DeviceTold, "device_code">,
  more: Sent = {},
) => exchange(isolate, client, { grant_type: deviceGrant, device_code, ...more });

/** Types a code and sends it: the page that follows. */
export const typeCode = (browser: Browser, code: string): Promise<Seen> =>
  browser.submit("/device", { user_code: code });

export async function answerDevice(
  browser: Browser,
  code: string,
  answer: "allow" | "deny" = "allow",
): Promise<Seen> {
  const seen = await typeCode(browser, code);
  const found = seen.forms.find(({ action }) => action === `/device/${answer}`);
  expect(found, seen.html.slice(0, 400)).toBeDefined();
  return await browser.post(`/device/${answer}`, found?.hidden ?? {});
}
