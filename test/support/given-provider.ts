import { expect } from "vitest";
import type { ClientMetadata } from "../../src/oauth/client.ts";
import { challengeOf } from "../../src/oauth/pkce.ts";
import { createClock } from "./clock.ts";
import { type Isolate, issuer, unique } from "./given.ts";
import { type Browser, givenBrowser, givenSignedIn, givenSignInIsolate, type Seen } from "./given-browser.ts";
import { givenClient } from "./given-clients.ts";

export const callback = "https://app.example/callback";
export const verifier = "a-verifier-of-forty-three-characters-or-more-0123";
/** How a browser comes from a client's page; from one of ours it would say `same-origin`. */
export const fromClient = { "sec-fetch-site": "cross-site" };

/** An isolate, its clock, and an application of the usual kind: confidential, with refresh tokens. */
export async function givenProvider(metadata: Partial<ClientMetadata> = {}) {
  const clock = createClock();
  const isolate = await givenSignInIsolate({ clock });
  return { isolate, clock, client: await givenApp(isolate, metadata) };
}

export type App = Awaited<ReturnType<typeof givenApp>>;

export const givenApp = (isolate: Isolate, metadata: Partial<ClientMetadata> = {}) =>
  givenClient(isolate, {
    name: unique("Printer App"),
    redirectUris: [callback],
    grantTypes: ["authorization_code", "refresh_token"],
    responseTypes: ["code"],
    scopes: ["openid", "profile", "email", "offline_access", "orders.read", "orders.write"],
    ...metadata,
  });

/** A public client, as in a browser or on a telephone. */
export const publicApp: Partial<ClientMetadata> = { authenticationMethod: "none" };

export type Sent = Readonly<Record<string, string | null>>;

/** A request with PKCE, state and nonce; null takes a parameter out. */
export async function requestOf(client: App, sent: Sent = {}): Promise<URLSearchParams> {
  const all: Sent = {
    response_type: "code",
    client_id: client.id,
    redirect_uri: client.client.redirectUris[0] ?? null,
    scope: "openid",
    state: "a state",
    nonce: "a nonce",
    code_challenge: await challengeOf(verifier),
    code_challenge_method: "S256",
    ...sent,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
  return new URLSearchParams(given);
}

export async function authorize(browser: Browser, client: App, sent: Sent = {}): Promise<Seen> {
  return await browser.open(`/oauth/authorize?${await requestOf(client, sent)}`, fromClient);
}

/** Where an answer leads, and what it carries there. */
export function sentBack({ answer }: Pick<Seen, "answer">): { to: string; fields: URLSearchParams } {
  const location =
    answer.headers.get("location") ?? answer.headers.get("refresh")?.slice("0;url=".length) ?? "";
  expect(location, `status ${answer.status}`).toMatch(/^[a-z][a-z0-9.+-]*:/);
  const [to = ""] = location.split(/[?#]/);
  return { to, fields: new URLSearchParams(location.slice(to.length + 1)) };
}

/** Follows our own pages up to the first that is shown, or that leads away. */
export async function follow(browser: Browser, seen: Seen): Promise<Seen> {
  let now = seen;
  for (let hops = 0; hops < 6; hops += 1) {
    const location = now.answer.headers.get("location") ?? "";
    if (!location.startsWith("/") && !location.startsWith(`${issuer}/`)) return now;
    now = await browser.open(location, { "sec-fetch-site": "same-origin" });
  }
  return now;
}

/** The page of consent, answered. */
export async function answerConsent(browser: Browser, seen: Seen, what: "allow" | "deny"): Promise<Seen> {
  const action = what === "allow" ? "/consent" : "/consent/deny";
  const form = seen.forms.find((one) => one.action === action);
  expect(form, seen.html.slice(0, 500)).toBeDefined();
  return await browser.post(action, form?.hidden ?? {});
}

/** A request all the way to its code: the person, signed in, allows what is asked. */
export async function givenCode(browser: Browser, client: App, sent: Sent = {}): Promise<string> {
  const first = await follow(browser, await authorize(browser, client, sent));
  const away = first.html.includes('action="/consent"')
    ? await answerConsent(browser, first, "allow")
    : first;
  const code = sentBack(away).fields.get("code");
  expect(code, away.html.slice(0, 300)).toMatch(/^gc_[0-9A-Za-z]{43}$/);
  return code ?? "";
}

/** `POST /oauth/token` as this client; null takes a field out. */
export async function exchange(isolate: Isolate, client: App, fields: Sent): Promise<Response> {
  const isPublic = client.client.authenticationMethod === "none";
  const all: Sent = { ...(isPublic ? { client_id: client.id } : {}), ...fields };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
  return await isolate.fetch("/oauth/token", {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      ...(isPublic ? {} : { authorization: `Basic ${btoa(`${client.id}:${client.secret}`)}` }),
    },
    body: new URLSearchParams(given).toString(),
  });
}

export const redeem = (isolate: Isolate, client: App, code: string, more: Sent = {}): Promise<Response> =>
  exchange(isolate, client, {
    grant_type: "authorization_code",
    code,
    redirect_uri: client.client.redirectUris[0] ?? null,
    code_verifier: verifier,
    ...more,
  });

export type TokenSet = {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
};

export async function tokensIn(answer: Response): Promise<TokenSet> {
  const text = await answer.text();
  expect([answer.status, text.slice(0, 300)]).toEqual([200, expect.stringContaining("access_token")]);
  return JSON.parse(text) as TokenSet;
}

/** The claims of a token of ours, unchecked. */
export const claimsIn = (token = ""): Record<string, unknown> =>
  JSON.parse(
    new TextDecoder().decode(
      Uint8Array.from(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")), (letter) =>
        letter.charCodeAt(0),
      ),
    ),
  );

/** Somebody signed in, who has let the application in. */
export async function givenGrant(isolate: Isolate, client: App, sent: Sent = {}) {
  const person = await givenSignedIn(isolate);
  const code = await givenCode(person.browser, client, sent);
  const tokens = await tokensIn(await redeem(isolate, client, code));
  await isolate.settle();
  return { ...person, code, tokens };
}

export async function expectOauthError(answer: Response, status: number, error: string): Promise<void> {
  const body = (await answer.json()) as { error: string };
  expect([answer.status, body.error]).toEqual([status, error]);
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

export { givenBrowser };
