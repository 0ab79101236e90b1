import { expect, test } from "vitest";
import { parseAccent } from "../../src/http/brand.ts";
import { createPageAssets } from "../../src/http/page-assets.ts";
import { givenIsolate } from "../support/given.ts";

const accent = (text: string) => parseAccent(text) ?? { onLight: "", onDark: "" };

async function compressedBytes(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}

test("the style sheet is below 10 KB compressed, the script below 2 KB, and both stay with us", async () => {
  const assets = await createPageAssets(accent("#1d5fc4"));
  const texts = await Promise.all(
    [assets.stylePath, assets.scriptPath].map(async (path) => await assets.answer(path.slice(8))?.text()),
  );
  const [style = "", script = ""] = texts;
  expect(await compressedBytes(style)).toBeLessThan(10_000);
  expect(await compressedBytes(script)).toBeLessThan(2000);
  expect(style).toContain("--accent:light-dark(#1d5fc4,");
  expect(style + script).not.toMatch(/https?:|@import|url\(|innerHTML|eval/);
});

test("their names change with what is in them, so that a cache may keep them for ever", async () => {
  const one = await createPageAssets(accent("#1d5fc4"));
  const other = await createPageAssets(accent("#7a0019"));
  expect(one.stylePath).toMatch(/^\/assets\/pages-[0-9a-f]{16}\.css$/);
  expect(other.stylePath).not.toBe(one.stylePath);
  expect(other.scriptPath).toBe(one.scriptPath);
  const current = one.answer(one.stylePath.slice(8));
  expect(current?.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(current?.headers.get("content-type")).toBe("text/css; charset=utf-8");
  // A page of the deployment before asks under the old name while the new one rolls out.
  expect(one.answer(other.stylePath.slice(8))?.headers.get("cache-control")).toBe("no-cache");
});

test("the icon is in the operator's colour, small, inert, and also there where browsers look by themselves", async () => {
  const assets = await createPageAssets(accent("#7a0019"));
  expect(assets.iconPath).not.toBe((await createPageAssets(accent("#1d5fc4"))).iconPath);
  const text = (await assets.answer(assets.iconPath.slice(8))?.text()) ?? "";
  expect(text).toContain('fill="#7a0019"');
  expect(text.length).toBeLessThan(500);
  expect(text).not.toMatch(/script|style|href|\son\w+=|url\(|<foreignObject|<image/i);

  const isolate = await givenIsolate();
  const shown = /<link rel="icon" href="([^"]+)"/.exec(
    await (await isolate.fetch("/login", { headers: { accept: "text/html" } })).text(),
  )?.[1];
  const answer = await isolate.fetch(shown ?? "no icon");
  expect([answer.status, answer.headers.get("content-type"), answer.headers.get("cache-control")]).toEqual([
    200,
    "image/svg+xml",
    "public, max-age=31536000, immutable",
  ]);
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  const favicon = await isolate.fetch("/favicon.ico");
  expect([favicon.status, favicon.headers.get("cache-control")]).toEqual([200, "public, max-age=86400"]);
  expect(favicon.headers.get("x-content-type-options")).toBe("nosniff");
  expect(await favicon.text()).toBe(await answer.text());
});

test.each([
  "",
  "x.css",
  "pages-0123456789abcdef.ico",
  "pages-0.css",
  "pages-0123456789abcdef.html",
  "..%2Fpages-0123456789abcdef.css",
])("nothing else is there: %s", async (name) => {
  expect((await createPageAssets(accent("#1d5fc4"))).answer(name)).toBeNull();
  const isolate = await givenIsolate();
  expect((await isolate.fetch(`/assets/${name}`)).status).toBe(404);
});
