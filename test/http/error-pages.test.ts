import { expect, test } from "vitest";
import { AuthError } from "../../src/errors/auth-error.ts";
import { type Code, codes } from "../../src/errors/codes.ts";
import { defaultAccent, parseAccent } from "../../src/http/brand.ts";
import { waitOf } from "../../src/http/error-page.tsx";
import { createPageShell } from "../../src/http/page.tsx";
import { createPageAssets } from "../../src/http/page-assets.ts";
import { givenIsolate, issuer } from "../support/given.ts";
import { expectProblem } from "../support/problem.ts";

const navigation = new Request(`${issuer}/login`, { headers: { accept: "text/html" } });
const accent = parseAccent(defaultAccent) ?? { onLight: "", onDark: "" };
const givenShell = async (name = "Aurora") =>
  createPageShell({ brand: { name, accent }, assets: await createPageAssets(accent), issuer });

test.each(Object.keys(codes) as Code[])(
  "%s has a page that says what happened, what was not lost and what to do, with the request's id",
  async (code) => {
    const shell = await givenShell();
    const answer = shell.answerTo(new AuthError(code, "detail-for-operators"), navigation, "req_0123456789");
    const html = await answer.text();
    expect(answer.status).toBe(codes[code][0]);
    expect(html.match(/<h1>/g)).toHaveLength(1);
    expect(html.match(/<p>[^<]+<\/p>/g)?.length).toBeGreaterThanOrEqual(3);
    expect(html).toContain("req_0123456789");
    expect(html).toContain('href="/account"');
    expect(html).not.toContain("detail-for-operators");
  },
);

test("a bug is one fixed sentence and the id, and nothing of the bug", async () => {
  const shell = await givenShell();
  const answer = shell.answerTo(new Error("canary-7c2e"), navigation, "req_0123456789");
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain("canary-7c2e");
});

test("who has to wait is told how long, in the page and in Retry-After", async () => {
  const shell = await givenShell();
  const answer = shell.answerTo(
    new AuthError("rate_limited", undefined, { retryAfterSeconds: 130 }),
    navigation,
    "req_0123456789",
  );
  expect(answer.headers.get("retry-after")).toBe("130");
  expect(await answer.text()).toContain("Wait 3 minutes, then try again.");
  expect([1, 30, 60, 61, 3600, 7201].map(waitOf)).toEqual([
    "one second",
    "30 seconds",
    "one minute",
    "2 minutes",
    "one hour",
    "3 hours",
  ]);
});

test("the operator's name is text, whatever is in it", async () => {
  const shell = await givenShell(`<b>&"'مطابع`);
  const html = await shell.answerTo(new AuthError("not_found"), navigation, "req_0123456789").text();
  expect(html).toContain("&lt;b&gt;&amp;&quot;&#39;مطابع");
  expect(html).not.toContain("<b>");
});

test("an unknown address is a page for who asks for pages, and problem details for everybody else", async () => {
  const isolate = await givenIsolate();
  const page = await isolate.fetch("/nowhere", { headers: { accept: "text/html,*/*;q=0.8" } });
  expect([page.status, page.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
  expect(await page.text()).toContain(page.headers.get("x-request-id") ?? "no id");
  await expectProblem(await isolate.fetch("/nowhere", { headers: { accept: "*/*" } }), 404, "not_found");
  await expectProblem(await isolate.fetch("/nowhere"), 404, "not_found");
});

test("a page that is asked with another method says which it has (RFC 9110 §15.5.6)", async () => {
  const isolate = await givenIsolate();
  const answer = await isolate.fetch("/login", { method: "PUT", headers: { accept: "text/html" } });
  expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
});

test("a secret in the address of a page is refused in the voice of pages, and not repeated", async () => {
  const isolate = await givenIsolate();
  const answer = await isolate.fetch("/login?password=canary-7c2e", { headers: { accept: "text/html" } });
  expect(answer.status).toBe(400);
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await answer.text()).not.toContain("canary-7c2e");
});
