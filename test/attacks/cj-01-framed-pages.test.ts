// CJ-01. What a browser is told on every status; that it obeys is seen in real Chromium.
import { expect, test } from "vitest";
import {
  givenBrowser,
  givenSignedIn,
  givenSignInIsolate,
  openPages,
  ownPages,
} from "../support/given-browser.ts";

/** Directives by name. */
const policyOf = (answer: Response): ReadonlyMap<string, string> =>
  new Map(
    (answer.headers.get("content-security-policy") ?? "").split("; ").map((directive) => {
      const [name = "", ...values] = directive.split(" ");
      return [name, values.join(" ")];
    }),
  );

function expectUnframed(answer: Response): void {
  expect(policyOf(answer).get("frame-ancestors")).toBe("'none'");
  expect(answer.headers.get("x-frame-options")).toBe("DENY");
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

test("CJ-01: no page may be framed or kept, on any status, and nothing runs in it but two files of ours", async () => {
  const isolate = await givenSignInIsolate();
  const { browser, email } = await givenSignedIn(isolate);
  const stranger = givenBrowser(isolate);
  const links = ["/recover?link=x", "/verify-email?link=x", "/verify-email", "/nowhere"];
  const seen = [
    ...(await Promise.all([...openPages, ...links].map((path) => stranger.open(path)))),
    ...(await Promise.all(ownPages.map((path) => browser.open(path)))),
    await stranger.submit("/login", { email, password: "wrong wrong wrong wrong" }),
    await stranger.post("/login", { form_token: "x" }),
    await stranger.post("/login", {}, { "sec-fetch-site": "cross-site" }),
    await stranger.post("/login", {}, { "content-type": "text/plain" }),
  ];
  for (const { answer, html } of seen) {
    expectUnframed(answer);
    const policy = policyOf(answer);
    expect(policy.get("default-src")).toBe("'none'");
    expect(policy.get("form-action")).toBe("'self'");
    expect(policy.get("base-uri")).toBe("'none'");
    expect(policy.get("script-src")).toMatch(
      /^https:\/\/auth\.gatehouse\.test\/assets\/pages-[0-9a-f]{16}\.js$/,
    );
    expect(policy.get("style-src")).toMatch(
      /^https:\/\/auth\.gatehouse\.test\/assets\/pages-[0-9a-f]{16}\.css$/,
    );
    expect(policy.get("img-src")).toMatch(
      /^https:\/\/auth\.gatehouse\.test\/assets\/pages-[0-9a-f]{16}\.svg$/,
    );
    expect(html).toContain(`<link rel="icon" href="${new URL(policy.get("img-src") ?? "").pathname}"`);
    expect(html).toContain(`href="${new URL(policy.get("style-src") ?? "").pathname}"`);
    expect(html).toContain(`src="${new URL(policy.get("script-src") ?? "").pathname}"`);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)[^>]*>|javascript:/);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("referrer-policy")).toBe("strict-origin");
    expect(answer.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  }
  expect(new Set(seen.map(({ answer }) => answer.status))).toEqual(new Set([200, 400, 403, 404, 415]));
});

test("CJ-01: redirects of pages may not be framed or kept either", async () => {
  const isolate = await givenSignInIsolate();
  for (const path of ["/", "/account", "/.well-known/change-password"]) {
    const { answer } = await givenBrowser(isolate).open(path);
    expect(answer.status).toBe(303);
    expect(policyOf(answer).get("frame-ancestors")).toBe("'none'");
    expect(answer.headers.get("cache-control")).toBe("no-store");
  }
});
