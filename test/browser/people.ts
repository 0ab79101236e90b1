import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { adminKey, issuer, mailbox, pathOf, type Window } from "./browser.ts";

export const goodPassword = "seven green kettles sing";
export const otherPassword = "an otter counts to nine";

export type Person = { readonly email: string; readonly password: string };

export const freshAddress = (name = "person"): string => `${name}-${randomUUID()}@example.com`;

type Mail = { readonly subject: string; readonly text: string };

/** Mails to this address, newest first, once there are so many: they leave behind the answer. */
export async function mailsTo(email: string, count: number): Promise<Mail[]> {
  let mails: Mail[] = [];
  await expect
    .poll(
      async () => {
        mails = (await (await fetch(`${mailbox}/messages?to=${encodeURIComponent(email)}`)).json()) as Mail[];
        return mails.length;
      },
      { timeout: 10_000, message: `${count} mails to ${email}` },
    )
    .toBeGreaterThanOrEqual(count);
  return mails;
}

/** Where the newest of so many mails leads. */
export async function linkTo(email: string, count = 1): Promise<string> {
  const [newest] = await mailsTo(email, count);
  const found = /http:\/\/\S+\?link=\S+/.exec(newest?.text ?? "")?.[0] ?? "";
  expect(found, `a link in "${newest?.subject}"`).toContain(issuer);
  return found;
}

async function post(path: string, body: unknown): Promise<number> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${issuer}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.status;
}

/** Registered and confirmed, without a browser. */
export async function givenPerson(email = freshAddress()): Promise<Person> {
  expect(await post("/auth/register", { email, password: goodPassword })).toBe(202);
  const link = new URL(await linkTo(email)).searchParams.get("link");
  expect(await post("/auth/verify-email", { link })).toBe(204);
  return { email, password: goodPassword };
}

/** Somebody whose account may do what nobody may who has only a password: the stack's policy has them set up a factor. */
export async function givenVaultKeeper(email = freshAddress()): Promise<Person> {
  const answer = await fetch(`${issuer}/admin/v1/users`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ email, password: goodPassword, scopes: ["vault"] }),
  });
  expect(answer.status).toBe(201);
  return { email, password: goodPassword };
}

/** What a sign-in with this password answers to somebody who has no cookies. */
export const signInStatus = ({ email, password }: Person): Promise<number> =>
  post("/auth/login", { email, password, refresh_in_body: true });

/** Fills in fields, found by their labels as a person finds them. */
export async function fill(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [label, value] of Object.entries(fields)) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
}

/** Presses the button of that name, and waits for the page that follows. */
export async function press(page: Page, name: string | RegExp): Promise<void> {
  const loaded = page.waitForEvent("load");
  await page.getByRole("button", { name, exact: true }).click();
  await loaded;
}

export async function signIn({ page }: Window, { email, password }: Person): Promise<void> {
  await page.goto("/login");
  await fill(page, { "Email address": email, Password: password });
  await press(page, "Sign in");
  expect(pathOf(page)).toBe("/account");
}

export async function givenSignedIn(window: Window, person?: Person): Promise<Person> {
  const who = person ?? (await givenPerson());
  await signIn(window, who);
  return who;
}

/** The page's one heading of the first rank: which page this is. */
export const headingOf = (page: Page): Promise<string> => page.locator("h1").innerText();

/** What the page says was done. */
export const noticeOf = (page: Page): Promise<string> => page.getByRole("status").innerText();

/** Whether this browser is let in at its account. */
export async function isSignedIn({ page }: Window): Promise<boolean> {
  await page.goto("/account");
  const path = pathOf(page);
  expect(["/account", "/login"]).toContain(path);
  return path === "/account";
}
