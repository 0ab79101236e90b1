import { expect } from "vitest";
import { givenIsolate, type Isolate, type IsolateOptions, issuer } from "./given.ts";
import { givenPerson } from "./given-people.ts";

/** An isolate in which people can sign in. */
export async function givenSignInIsolate(options: IsolateOptions = {}): Promise<Isolate> {
  const isolate = await givenIsolate(options);
  await isolate.rooms.signingKeys.ensure(isolate.background);
  return isolate;
}

export type PageForm = {
  readonly action: string;
  readonly hidden: Readonly<Record<string, string>>;
  readonly names: readonly string[];
  readonly submits: number;
};

/** The page as a browser shows it, with its forms. */
export type Seen = { readonly answer: Response; readonly html: string; readonly forms: readonly PageForm[] };

const attribute = (tag: string, name: string): string | null =>
  new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]?.replaceAll("&amp;", "&").replaceAll("&quot;", '"') ??
  null;

function formsOf(html: string, path: string): PageForm[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, head = "", body = ""]) => {
    const inputs = [...body.matchAll(/<input\b[^>]*>/g)].map(([tag]) => tag);
    const named = inputs.flatMap((tag) => {
      const name = attribute(tag, "name");
      return name === null ? [] : [{ name, tag }];
    });
    const hidden = named.filter(({ tag }) => attribute(tag, "type") === "hidden");
    return {
      action: attribute(head, "action") ?? path,
      hidden: Object.fromEntries(hidden.map(({ name, tag }) => [name, attribute(tag, "value") ?? ""])),
      names: named.filter((one) => !hidden.includes(one)).map(({ name }) => name),
      submits: [...body.matchAll(/<button\b[^>]*type="submit"/g)].length,
    };
  });
}

/** A browser: keeps cookies as they are set, and says of each request what a browser says. It follows no redirect. */
export function givenBrowser(isolate: Isolate) {
  const cookies = new Map<string, string>();

  async function send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (cookies.size > 0 && !headers.has("cookie"))
      headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const answer = await isolate.fetch(path, { redirect: "manual", ...init, headers });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/;\s*Max-Age=0\b/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  }

  async function open(path: string, headers: Record<string, string> = {}): Promise<Seen> {
    const navigation = { accept: "text/html", "sec-fetch-site": "none", "sec-fetch-mode": "navigate" };
    const answer = await send(path, { headers: { ...navigation, ...headers } });
    const html = await answer.clone().text();
    return { answer, html, forms: formsOf(html, path) };
  }

  async function post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Record<string, string> = {},
  ): Promise<Seen> {
    const own = { accept: "text/html", origin: issuer, "sec-fetch-site": "same-origin" };
    const body = new URLSearchParams(fields).toString();
    const type = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await send(path, { method: "POST", body, headers: { ...own, ...type, ...headers } });
    const html = await answer.clone().text();
    return { answer, html, forms: formsOf(html, path) };
  }

  /** Opens a page, fills in its form and sends it. `action` chooses among several. */
  async function submit(
    path: string,
    fields: Readonly<Record<string, string>>,
    action = path,
    pick: (form: PageForm) => boolean = () => true,
  ): Promise<Seen> {
    const { forms } = await open(path);
    const form = forms.find((one) => one.action === action && pick(one));
    expect(form, `a form to ${action} on ${path}`).toBeDefined();
    return await post(action, { ...form?.hidden, ...fields });
  }

  return { cookies, send, open, post, submit };
}

export type Browser = ReturnType<typeof givenBrowser>;

export const sessionCookie = "__Host-gatehouse-session";
export const refreshCookie = "__Host-refreshToken";

/** A browser in which somebody signed in by the page. */
export async function givenSignedIn(isolate: Isolate, person?: Awaited<ReturnType<typeof givenPerson>>) {
  const who = person ?? (await givenPerson(isolate));
  const browser = givenBrowser(isolate);
  const { answer } = await browser.submit("/login", { email: who.email, password: who.password });
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/account"]);
  await isolate.settle();
  return { ...who, browser, cookie: browser.cookies.get(sessionCookie) ?? "" };
}

/** Each page that anybody may open, and each that needs a session. */
export const openPages = [
  "/login",
  "/register",
  "/register/passkey",
  "/register/sent",
  "/recover",
  "/recover/sent",
] as const;
export const ownPages = [
  "/account",
  "/account/security",
  "/account/security/app",
  "/account/security/passkey",
  "/account/security/recovery-codes",
  "/account/address",
  "/account/delete",
  "/account/sessions",
  "/account/applications",
] as const;

export function expectSeeOther({ answer }: Pick<Seen, "answer">, location: string): void {
  expect([answer.status, answer.headers.get("location")]).toEqual([303, location]);
}
