import { expect, test } from "vitest";
import { requireSameOrigin } from "../../src/http/same-origin.ts";

const issuer = "https://auth.example.com";
const judge = (headers: Record<string, string>) => () => requireSameOrigin(new Headers(headers), issuer);

test.each([
  { "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "same-site" },
  { "sec-fetch-site": "none" },
  { "sec-fetch-site": "cross-site", origin: issuer },
  { "sec-fetch-site": "same-origin", origin: "https://evil.example" },
  { origin: "null" },
  { origin: "https://evil.example" },
  { origin: "http://auth.example.com" },
  { origin: "https://auth.example.com:8443" },
  { origin: "https://auth.example.com.evil.example" },
  { origin: "https://app.auth.example.com" },
])("what another page caused is refused: %o", (headers) => {
  expect(judge(headers)).toThrow("cross_site_request");
});

test.each([
  { "sec-fetch-site": "same-origin", origin: issuer },
  { origin: issuer },
  { "sec-fetch-site": "same-origin" },
  {},
])("a page of ours, and what is no browser at all, is let through: %o", (headers) => {
  expect(judge(headers)).not.toThrow();
});
