import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  endOf,
  parseKeyLimit,
  parseMetadata,
  parseOwner,
  parsePast,
  parseRouteLimit,
  parseSeconds,
} from "../../scripts/cli/arguments.ts";
import { commands } from "../../scripts/cli/command-line.ts";
import { isUsageError } from "../../scripts/cli/usage.ts";
import { givenGatehouse, keyId as id, key, now, problem, run } from "./command-line.ts";

/** The complaint of a parser, which must be a usage error in one sentence. */
function complaintOf(parse: () => unknown): string {
  try {
    return `accepted: ${JSON.stringify(parse())}`;
  } catch (error) {
    return isUsageError(error) ? error.message : `not a usage error: ${String(error)}`;
  }
}

describe("what is typed", () => {
  test.each([
    ["0", 0],
    ["90s", 90],
    ["15m", 900],
    ["1h", 3600],
    ["30d", 2_592_000],
    ["2w", 1_209_600],
  ])("a length of time: %s is %d seconds", (typed, seconds) => {
    expect(parseSeconds("--overlap", typed)).toBe(seconds);
  });

  test.each(["", "60", "1h30m", "1.5h", "-5s", "5S", "5 s", "5y", "99999999999s"])(
    "%j is no length of time",
    (typed) => {
      expect(complaintOf(() => parseSeconds("--overlap", typed))).toBe(
        `--overlap takes a length of time like 30s, 15m, 1h or 7d, not "${typed}".`,
      );
    },
  );

  test.each([
    ["30d", "2026-12-24T12:00:00.000Z"],
    ["2027-01-31T12:00:00Z", "2027-01-31T12:00:00.000Z"],
    ["2027-01-31T12:00:00.5+02:00", "2027-01-31T10:00:00.500Z"],
    ["2028-02-29T00:00:00z", "2028-02-29T00:00:00.000Z"],
    ["never", null],
  ])("an end: %s is %s", (typed, at) => {
    expect(endOf(now)("--expires", typed)).toBe(at);
  });

  test("a start is counted backwards from now", () => {
    expect(parsePast("--from", "15m", now)).toBe("2026-11-24T11:45:00.000Z");
  });

  test.each([
    "2027-02-30T00:00:00Z",
    "2027-02-29T00:00:00Z",
    "2027-13-01T00:00:00Z",
    "2027-01-31T24:00:00Z",
    "2027-01-31T12:00:00",
    "2027-01-31",
    "tomorrow",
    "60",
    "",
    "999999999w",
  ])("%j is no time", (typed) => {
    expect(complaintOf(() => endOf(now)("--expires", typed))).toMatch(/^--expires takes a time like 2027-/);
    expect(complaintOf(() => parsePast("--from", typed, now))).toMatch(/^--from takes a time like 2027-/);
  });

  test("an owner is a type and an id, and the id may hold anything, colons too", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("user", "organization", "service"),
        fc.stringMatching(/^[\x21-\x7e]{1,40}$/),
        (type, ownerId) => {
          expect(parseOwner("--owner", `${type}:${ownerId}`)).toEqual({ type, id: ownerId });
        },
      ),
    );
  });

  test.each(["", "bob", "user:", ":u1", "robot:1", "User:u1"])("%j is no owner", (typed) => {
    expect(complaintOf(() => parseOwner("--owner", typed))).toBe(
      `--owner takes user:ID, organization:ID, service:ID, not "${typed}".`,
    );
  });

  test("a limit is a name, a number and a time; a route's says also what it counts and what it does without Redis", () => {
    const limit = { name: "per-minute", limit: 60, window_seconds: 60 };
    expect(parseKeyLimit("--limit", "per-minute=60/60s")).toEqual(limit);
    expect(parseRouteLimit("--limit", "per-minute=60/1m")).toEqual(limit);
    expect(parseRouteLimit("--limit", "per-minute=60/1m,when-unavailable=closed,per=owner")).toEqual({
      ...limit,
      per: "owner",
      when_unavailable: "closed",
    });
  });

  test.each([
    ["60/60s", "takes name=permits/time"],
    ["a=60", "takes name=permits/time"],
    ["a=x/60s", "takes name=permits/time"],
    ["a=60/60", "takes name=permits/time"],
    ["a=1/1s,per=planet", "…,per= takes key, owner, address"],
    ["a=1/1s,when-unavailable=", "…,when-unavailable= takes open, closed, local"],
    ["a=1/1s,colour=red", "knows per= and when-unavailable="],
  ])("%j is no limit of a route", (typed, complaint) => {
    expect(complaintOf(() => parseRouteLimit("--limit", typed))).toContain(`--limit ${complaint}`);
  });

  test.each(["", "{", "[]", "null", "1", '"text"'])("%j is no metadata", (typed) => {
    expect(parseMetadata("--metadata", '{"a":{"b":1}}')).toEqual({ a: { b: 1 } });
    expect(complaintOf(() => parseMetadata("--metadata", typed))).toMatch(/^--metadata takes a JSON object/);
  });
});

describe("a command typed wrongly", () => {
  test.each([
    [[], "gatehouse needs a command.", "gatehouse audit list"],
    [["kets"], 'gatehouse has no command "kets".', "gatehouse audit list"],
    [["keys"], "gatehouse keys needs a command.", "gatehouse keys import FILE.json"],
    [["keys", "burn"], 'gatehouse keys has no command "burn".', "gatehouse keys import FILE.json"],
    [["keys", "create", "--name", "x"], "keys create needs --owner.", "--metadata JSON"],
    [["keys", "create"], "keys create needs --name and --owner.", "--metadata JSON"],
    [["keys", "list", "--colour", "red"], "keys list has no --colour.", "--cursor CURSOR"],
    [["keys", "list", "--limit"], "--limit needs N behind it", "--cursor CURSOR"],
    [["keys", "list", "--limit", "201"], "--limit takes a whole number from 1 to 200", "--cursor CURSOR"],
    [["keys", "list", "--limit", "1", "--limit", "2"], "--limit can be given only once.", "--cursor CURSOR"],
    [["keys", "list", "--json=1"], "--json takes nothing behind it.", "--cursor CURSOR"],
    [["keys", "list", "all"], 'keys list does not know what to do with "all".', "--cursor CURSOR"],
    [["keys", "revoke"], "keys revoke needs ID.", "gatehouse keys revoke ID"],
    [["keys", "revoke", id, id], "keys revoke does not know what to do with", "gatehouse keys revoke ID"],
    [["keys", "update", id], "keys update needs at least one thing to change.", "--no-limits"],
    [
      ["keys", "update", id, "--scope", "a", "--no-scopes"],
      "--scope and --no-scopes exclude each other.",
      "",
    ],
    [["keys", "rotate", id, "--overlap", "soon"], "--overlap takes a length of time", "--overlap TIME"],
    [
      ["routes", "create", "--name", "a", "--path", "/a", "--credential", "api-key"],
      "routes create needs --upstream or --service.",
      "--cors-origin ORIGIN",
    ],
    [["routes", "update", "a", "--credential", "trust"], "--credential takes api-key,", "--cut-path"],
    [["users", "create"], "users create needs --email.", "--password-from FILE"],
    [["users", "show"], "users show needs ID|EMAIL.", "gatehouse users show ID|EMAIL"],
    [["users", "update", "a@b.example"], "users update needs at least one thing to change.", "--no-scopes"],
    [["users", "list", "--state", "gone"], "--state takes active, disabled, deleted", "--cursor CURSOR"],
    [["sessions", "end", "ses_1"], "sessions end needs --user.", "--user ID|EMAIL"],
    [["tokens", "revoke"], "tokens revoke needs one of --jti, --token-from and --client.", "--expires WHEN"],
    [
      ["tokens", "revoke", "--jti", "a", "--client", "b"],
      "tokens revoke needs one of --jti, --token-from and --client.",
      "first-party signs everybody out",
    ],
    [["tokens", "revoke", "--client", "b", "--expires", "5m"], "--expires goes with --jti only.", ""],
    [["tokens", "revoke", "--jti", "a", "--expires", "never"], "--expires takes a time, not never", ""],
    [
      ["routes", "update", "a", "--audience", "https://a.example", "--no-audiences"],
      "--audience and --no-audiences exclude each other.",
      "",
    ],
    [["audit", "list", "--type", "key.eaten"], '--type knows no "key.eaten".', "key.revoked"],
    [["audit", "list", "--follow", "--until", "1m"], "--follow and --until exclude each other.", "--follow"],
  ])("%j ends with 2, one sentence and the nearest help", async (typed, sentence, help) => {
    const { code, out, err } = await run(typed);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err.split("\n")[0]).toContain(sentence);
    expect(err).toContain(help);
  });

  test("a key pasted where its id is wanted goes nowhere, not even back to the screen", async () => {
    await using gatehouse = await givenGatehouse(problem);
    for (const typed of [
      ["keys", "revoke", key],
      ["audit", "list", "--subject", key],
      ["keys", "show", id, key],
    ]) {
      const { code, err } = await run(typed, gatehouse.environment);
      expect(code).toBe(2);
      expect(err).not.toContain(key);
    }
    expect(gatehouse.sent).toHaveLength(0);
  });
});

describe("help", () => {
  it.each(commands.map((command) => [command.name, command] as const))(
    "of %s names every option and asks nobody",
    async (name, command) => {
      const { code, out, err } = await run([...name.split(" "), "--help"]);
      expect([code, err]).toEqual([0, ""]);
      for (const option of [...Object.keys(command.options), "json", "help"])
        expect(out).toContain(`--${option}`);
      expect(await run(["help", ...name.split(" ")])).toEqual({ code, out, err });
    },
  );
});
