import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page, Response } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { issuer } from "./browser.ts";

/** To the issuer at `localhost`, the number is another site, and the name with another port another origin of the same site. */
export const evilHosts = [
  ["another site", "127.0.0.1"],
  ["another origin of the same site", "localhost"],
] as const;
export type EvilHost = (typeof evilHosts)[number][1];

/** A site that answers with whatever markup its address asks for. */
export function givenEvilSite() {
  const server = createServer(({ url = "" }, response) => {
    const html = new URL(url, "http://evil.example").searchParams.get("html") ?? "";
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title>Evil</title><link rel="icon" href="data:,">${html}`);
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const originOf = (host: EvilHost): string => `http://${host}:${(server.address() as AddressInfo).port}`;
  return {
    originOf,
    show: (page: Page, host: EvilHost, html: string) =>
      page.goto(`${originOf(host)}/?html=${encodeURIComponent(html)}`),
  };
}

export type EvilSite = ReturnType<typeof givenEvilSite>;

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

/** A form that sends itself. */
export function selfSentForm(
  action: string,
  fields: Readonly<Record<string, string>>,
  more: { readonly enctype?: string; readonly target?: string } = {},
): string {
  const { enctype = "application/x-www-form-urlencoded", target = "_self" } = more;
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  return (
    `<form method="post" action="${escaped(issuer + action)}" enctype="${enctype}" target="${target}">${inputs.join("")}</form>` +
    "<script>document.forms[document.forms.length - 1].submit()</script>"
  );
}

/** What the issuer answers to the next POST that this page causes. */
export const nextPost = (page: Page): Promise<Response> =>
  page.waitForResponse(
    (response) => response.url().startsWith(issuer) && response.request().method() === "POST",
  );
