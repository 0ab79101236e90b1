import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgeMail, judgePeppers, neverInPlainText, requiredSecrets } from "../../scripts/deploy/settings.ts";
import { REPOSITORY } from "../../scripts/stack/local-data.ts";

const read = (name: string) => readFileSync(join(REPOSITORY, name), "utf8");
const variables = [
  ...new Set(
    Array.from(read("src/env.ts").matchAll(/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"/g), ([, name]) => name ?? ""),
  ),
].filter((name) => name.length > 3);

test("the Worker's variables are found in its own file", () => {
  expect(variables).toEqual(
    expect.arrayContaining(["ISSUER", "MAIL_FROM", "PASSWORD_PEPPERS", ...requiredSecrets]),
  );
  expect(variables.length).toBeGreaterThan(18);
});

test.each([".dev.vars.example", "wrangler.toml", "README.md"])(
  "%s names every variable that the Worker reads",
  (file) => {
    const text = read(file);
    expect(variables.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  },
);

test("no secret of the Worker may stand in the configuration, those that are optional included", () => {
  expect(neverInPlainText).toEqual(
    expect.arrayContaining([...requiredSecrets, "PASSWORD_PEPPERS", "MAIL_API_KEY", "SMS_API_KEY"]),
  );
});

test.each([
  [{}, [], /^recommended, not set \(MAIL_API_URL, MAIL_API_KEY, MAIL_FROM\)/],
  [{ MAIL_API_URL: "https://mail.example" }, ["MAIL_API_KEY"], /^set; MAIL_FROM is recommended/],
  [{ MAIL_API_URL: "https://mail.example", MAIL_FROM: "a@b.example" }, ["MAIL_API_KEY"], /^set$/],
  [{}, ["MAIL_API_URL", "MAIL_API_KEY", "MAIL_FROM"], /^set$/],
])(
  "mail with the variables %j and the secrets %j: the preflight goes on and says %s",
  (vars, secrets, said) => {
    expect(judgeMail(vars, new Set(secrets))).toMatch(said);
  },
);

test.each([
  [{ MAIL_API_URL: "https://mail.example" }, [], "MAIL_API_KEY"],
  [{}, ["MAIL_API_KEY"], "MAIL_API_URL"],
])(
  "half of the mail settings, %j and %j, stop the preflight as they would the Worker, naming %s",
  (vars, secrets, missing) => {
    expect(() => judgeMail(vars, new Set(secrets))).toThrow(
      new RegExp(`^${missing} is not set, though its partner is`),
    );
  },
);

test("peppers are recommended by name; a dry run asks nobody and says so", () => {
  expect(judgePeppers(new Set(["PASSWORD_PEPPERS"]))).toBe("set");
  expect(judgePeppers(new Set())).toContain("recommended, not set (PASSWORD_PEPPERS)");
  expect([judgePeppers(null), judgeMail({}, null)]).toEqual([
    expect.stringMatching(/^skipped: /),
    expect.stringMatching(/^skipped: /),
  ]);
});
