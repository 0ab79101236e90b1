import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adminKey, givenWindow, issuer, pathOf, troublesOf } from "./browser.ts";
import { fill, givenPerson, headingOf, press } from "./people.ts";

/** A client that sends its own visitors on to another host once they are back, as many do. */
const client = createServer((request, response) => {
  const { pathname, search } = new URL(request.url ?? "", "http://client.example");
  response.setHeader("content-type", "text/html; charset=utf-8");
  if (pathname === "/callback") {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const carried = request.method === "POST" ? `?${body}` : search;
      response.writeHead(303, { location: `http://localhost:${port()}/home${carried}` }).end();
    });
    return;
  }
  response.end(
    '<!doctype html><html lang="en"><title>Home</title><link rel="icon" href="data:,"><h1>Home</h1>',
  );
});
const port = (): number => (client.address() as AddressInfo).port;
const redirectUri = () => `http://127.0.0.1:${port()}/callback`;

beforeAll(() => new Promise<void>((resolve) => client.listen(0, "127.0.0.1", resolve)));
afterAll(() => {
  client.closeAllConnections();
  client.close();
});

async function givenClient(more: Record<string, unknown> = {}): Promise<string> {
  const answer = await fetch(`${issuer}/admin/v1/clients`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "Printer App",
      redirect_uris: [redirectUri()],
      token_endpoint_auth_method: "none",
      scope: "openid email offline_access",
      grant_types: ["authorization_code", "refresh_token"],
      ...more,
    }),
  });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { client_id: string }).client_id;
}

const requestOf = (clientId: string, more: Record<string, string> = {}) =>
  `/oauth/authorize?${new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri(),
    scope: "openid email offline_access",
    state: "a state",
    code_challenge: "A".repeat(43),
    code_challenge_method: "S256",
    ...more,
  })}`;

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with" : "without";
  test(`${how} JavaScript a person signs in, allows, and is back at the application, wherever that sends them on`, async () => {
    const [clientId, person] = [await givenClient(), await givenPerson()];
    const window = await givenWindow({ javaScriptEnabled });
    const { page } = window;
    await page.goto(requestOf(clientId));
    await fill(page, { "Email address": person.email, Password: person.password });
    await press(page, "Sign in");
    expect([pathOf(page), await headingOf(page)]).toEqual(["/consent", "Allow Printer App?"]);
    expect(await page.locator("main").innerText()).toContain("a program on this device");
    const arrived = page.waitForURL((url) => url.pathname === "/home");
    await page.getByRole("button", { name: "Allow", exact: true }).click();
    await arrived;
    const { searchParams, host } = new URL(page.url());
    expect([host, searchParams.get("state")]).toEqual([`localhost:${port()}`, "a state"]);
    expect(searchParams.get("code")).toMatch(/^gc_/);
    expect(troublesOf(window)).toEqual([]);
  });
}

test("a first-party application gets its person back straight from the sign-in, by form_post as well", async () => {
  const [clientId, person] = [
    await givenClient({ first_party: true, token_endpoint_auth_method: "client_secret_basic" }),
    await givenPerson(),
  ];
  const window = await givenWindow();
  const { page } = window;
  await page.goto(requestOf(clientId));
  await fill(page, { "Email address": person.email, Password: person.password });
  const arrived = page.waitForURL((url) => url.pathname === "/home");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await arrived;
  expect(new URL(page.url()).searchParams.get("code")).toMatch(/^gc_/);
  const posted = page.waitForURL(
    (url) => url.pathname === "/home" && url.searchParams.get("state") === "posted",
  );
  await page
    .goto(requestOf(clientId, { response_mode: "form_post", state: "posted" }))
    .catch(() => undefined);
  await posted;
  expect(new URL(page.url()).searchParams.get("code")).toMatch(/^gc_/);
  expect(troublesOf(window)).toEqual([]);
});
