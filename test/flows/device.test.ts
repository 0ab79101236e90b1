import * as oauth from "oauth4webapi";
import { expect, test } from "vitest";
import { echoOf } from "../support/echo.ts";
import { givenRoute, issuer } from "../support/given.ts";
import { givenSignedIn } from "../support/given-browser.ts";
import { answerDevice, givenDeviceProvider } from "../support/given-devices.ts";
import { publicApp } from "../support/given-provider.ts";
import { bearerOf } from "../support/given-sessions.ts";

test("a command line shows a code, its person allows it in a browser, and it calls an upstream until they take it back", async () => {
  const { isolate, client } = await givenDeviceProvider(publicApp);
  const { browser, account } = await givenSignedIn(isolate);
  const route = await givenRoute(isolate, { credentials: ["access-token"] });
  const options = {
    [oauth.customFetch]: ((url: string, init: RequestInit) => isolate.fetch(url, init)) as never,
  };
  const at = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, options));
  const self: oauth.Client = { client_id: client.id };
  const asked = { scope: "openid", resource: `${issuer}${route.url}` };
  const device = await oauth.processDeviceAuthorizationResponse(
    as,
    self,
    await oauth.deviceAuthorizationRequest(as, self, oauth.None(), asked, options),
  );
  const ask = async () =>
    await oauth.processDeviceCodeResponse(
      as,
      self,
      await oauth.deviceCodeGrantRequest(as, self, oauth.None(), device.device_code, options),
    );
  await expect(ask()).rejects.toMatchObject({ error: "authorization_pending" });
  await answerDevice(browser, device.user_code);
  const tokens = await ask();
  expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ sub: account.id });
  const call = () => isolate.fetch(route.url, { headers: bearerOf(tokens.access_token) });
  const { headers } = await echoOf(await call());
  expect(headers).toMatchObject({ "x-user-id": account.id, "x-client-id": client.id });
  const page = await browser.open("/account/applications");
  const revoke = page.forms.find(({ hidden }) => hidden["client"] === client.id);
  await browser.post("/account/applications/revoke", revoke?.hidden ?? {});
  await isolate.settle();
  expect((await call()).status).toBe(401);
});
