import { describe, expect, test } from "vitest";
import { givenGatehouse, key, keyId, problem, type Reply, run, userId } from "./command-line.ts";

const shown = {
  id: keyId,
  name: "First",
  owner: { type: "user", id: "u1" },
  environment: "live",
  prefix: "gk_live_a1B2",
  status: "active",
  enabled: true,
  scopes: ["r"],
  allowed_addresses: [],
  limits: [{ name: "per-minute", limit: 60, window_seconds: 60 }],
  metadata: {},
  imported: false,
  replaces: null,
  replaced_by: null,
  created_by: "key_operator",
  created_at: "2026-11-24T11:00:00.000Z",
  updated_at: "2026-11-24T11:00:00.000Z",
  expires_at: null,
  revoked_at: null,
  deleted_at: null,
  exposed_at: null,
  last_used: null,
};
const answer = (body: unknown, status = 200): Reply => ({ status, body: JSON.stringify(body) });
const lastLine = (out: string): string => out.split("\n").at(-1) ?? "";

describe("what is told", () => {
  test("a secret is printed once, with the words that it will not be shown again", async () => {
    await using gatehouse = await givenGatehouse(answer({ ...shown, key }, 201));
    const typed = ["keys", "create", "--name", "First", "--owner", "user:u1"];
    const { code, out, err } = await run(typed, gatehouse.environment);
    expect([code, err]).toEqual([0, ""]);
    expect(out.split(key)).toHaveLength(2);
    expect(out).toContain("it will not be shown again");
    expect(out).toContain("per-minute=60/1m");
  });

  test("the last line after a revocation says when it is felt everywhere, and when Redis could not be told", async () => {
    const revoked = {
      revoked_at: "2026-11-24T12:00:00.000Z",
      effective_everywhere_by: "2026-11-24T12:00:10.000Z",
    };
    await using gatehouse = await givenGatehouse(answer(revoked));
    const { out } = await run(["keys", "revoke", keyId], gatehouse.environment);
    expect(lastLine(out)).toBe("Felt everywhere by 2026-11-24T12:00:10.000Z (in 10 s at most).");
    await using delayed = await givenGatehouse(answer({ ...revoked, propagation: "delayed" }));
    const late = await run(["keys", "revoke", keyId], delayed.environment);
    expect(lastLine(late.out)).toContain("Redis could not be told");
  });

  test("people are a table without any hash, a person is shown in full, and who is signed out hears by when it is felt", async () => {
    const user = {
      id: userId,
      email: "ana@example.com",
      scopes: ["r"],
      state: "active",
      created_at: "2026-11-24T11:00:00.000Z",
      last_signed_in_at: null,
      password_changed_at: null,
      second_factors: ["passkey", "totp"],
    };
    await using gatehouse = await givenGatehouse(
      answer({ data: [user, { ...user, email: null, state: "deleted" }], next_cursor: "abc" }),
      answer(user),
      answer({ logged_out_at: user.created_at, effective_everywhere_by: "2026-11-24T12:00:10.000Z" }),
    );
    const { out } = await run(["users", "list"], gatehouse.environment);
    const [titles = "", first = "", second = ""] = out.split("\n");
    expect(first.indexOf("ana@example.com")).toBe(titles.indexOf("EMAIL"));
    expect(second).toContain("-                deleted");
    expect(lastLine(out)).toBe("There are more: --cursor abc");
    const one = await run(["users", "show", userId], gatehouse.environment);
    expect(one.out).toMatch(
      /last signed in +never\n +password set +never: a recovery[^\n]+\n +second factors +passkey totp$/,
    );
    const ended = await run(["users", "logout", userId], gatehouse.environment);
    expect(ended.out).toBe(
      `${userId} is signed out everywhere.\nFelt everywhere by 2026-11-24T12:00:10.000Z (in 10 s at most).`,
    );
    await using empty = await givenGatehouse(answer({ data: [], next_cursor: null }));
    expect((await run(["users", "list"], empty.environment)).out).toBe("Nobody.");
    expect((await run(["sessions", "list", userId], empty.environment)).out).toBe("No live sessions.");
  });

  test("a person's factors are a table, and who resets them hears how many went and that sessions go on", async () => {
    const app = {
      id: "fct_0000000000000000000001",
      kind: "totp",
      name: "App\u001b[2J",
      created_at: "2026-11-24T11:00:00.000Z",
      last_used_at: null,
      codes_left: null,
      backed_up: null,
      user_verified: null,
    };
    const codes = { ...app, kind: "recovery-codes", name: "Recovery codes", codes_left: 9 };
    await using gatehouse = await givenGatehouse(
      answer({ data: [app, codes], next_cursor: null }),
      answer({ removed: 2 }),
    );
    const { out } = await run(["users", "factors", userId], gatehouse.environment);
    const [titles = "", first = "", second = ""] = out.split("\n");
    expect(first).toContain("App\\u{1b}[2J");
    expect(first.endsWith("  -")).toBe(true);
    expect(second.indexOf("9", second.indexOf("11:00:00Z") + 9)).toBe(titles.indexOf("CODES LEFT"));
    const reset = await run(["users", "reset-factors", userId], gatehouse.environment);
    expect([reset.code, reset.out]).toEqual([
      0,
      `${userId} has no second factor any more: 2 removed. Open sessions go on; users logout ends them.`,
    ]);
    await using none = await givenGatehouse(answer({ data: [], next_cursor: null }), answer({ removed: 0 }));
    expect((await run(["users", "factors", userId], none.environment)).out).toBe("No second factors.");
    const nothing = await run(["users", "reset-factors", userId], none.environment);
    expect(nothing.out).toBe(`${userId} had no second factor.`);
  });

  test("a rotation tells until when the old key works and where it was last used, before the new secret", async () => {
    const rotated = {
      ...shown,
      key,
      replaced: {
        ...shown,
        id: "key_old",
        expires_at: "2026-11-24T13:00:00.000Z",
        still_in_use: { at: "2026-11-24T11:59:00.000Z", address: "192.0.2.7", country: "DE" },
      },
      effective_everywhere_by: "2026-11-24T12:00:10.000Z",
    };
    await using gatehouse = await givenGatehouse(answer(rotated, 201));
    const { out } = await run(["keys", "rotate", keyId, "--overlap", "1h"], gatehouse.environment);
    expect(out).toContain("key_old, which it replaces, works until 2026-11-24T13:00:00.000Z.");
    expect(out).toContain("It was last used 2026-11-24T11:59:00.000Z from 192.0.2.7.");
    expect(lastLine(out)).toContain("Felt everywhere by 2026-11-24T12:00:10.000Z");
  });

  test("a list is a table, says where the next page begins, and marks an exposed key", async () => {
    const page = { data: [{ ...shown, exposed_at: "2026-11-24T11:30:00.000Z" }], next_cursor: "abc" };
    await using gatehouse = await givenGatehouse(answer(page));
    const { out } = await run(["keys", "list"], gatehouse.environment);
    const [titles = "", row = ""] = out.split("\n");
    expect(row.indexOf("user:u1")).toBe(titles.indexOf("OWNER"));
    expect(row).toContain("active, exposed");
    expect(lastLine(out)).toBe("There are more: --cursor abc");
    await using empty = await givenGatehouse(answer({ data: [], next_cursor: null }));
    expect((await run(["keys", "list"], empty.environment)).out).toBe("No keys.");
  });

  test("signing keys are a table; a live one whose private half cannot be read is marked, a killed one is not", async () => {
    const live = {
      kid: "kid-1",
      purpose: "identity",
      algorithm: "ES256",
      state: "active",
      private_key_readable: false,
      published_at: "2026-11-24T11:00:00.000Z",
      signs_from: "2026-11-24T11:00:00.000Z",
      signs_until: null,
      published_until: null,
      killed_at: null,
    };
    const killed = { ...live, kid: "kid-2", state: "killed", killed_at: "2026-11-24T11:30:00.000Z" };
    await using gatehouse = await givenGatehouse(answer({ data: [live, killed], next_cursor: null }));
    const { out } = await run(["signing-keys", "list"], gatehouse.environment);
    const [titles = "", first = "", second = ""] = out.split("\n");
    expect(first.indexOf("active, unreadable")).toBe(titles.indexOf("STATE"));
    expect(second).toMatch(/^kid-2 .* killed {2,}2026-11-24T11:00:00Z/);
    await using empty = await givenGatehouse(answer({ data: [], next_cursor: null }));
    expect((await run(["signing-keys", "list"], empty.environment)).out).toBe("No signing keys yet.");
  });

  test("an emergency rotation says what is refused, who trusts it for longer, who signs now and what may be refused, and by when all of it is felt", async () => {
    const pair = { purpose: "access-token", algorithm: "RS256" };
    const killed = {
      ...pair,
      kid: "kid-1",
      killed_at: "2026-11-24T12:00:00.000Z",
      effective_everywhere_by: "2026-11-24T12:00:10.000Z",
      trusted_elsewhere_until: "2026-11-24T12:05:10.000Z",
    };
    const signing = [
      {
        ...pair,
        kid: "kid-2",
        signs_from: "2026-11-24T12:00:00.000Z",
        may_be_refused_until: "2026-11-24T12:11:00.000Z",
      },
    ];
    await using gatehouse = await givenGatehouse(answer({ killed, signing, leaving: [] }));
    const typed = ["signing-keys", "rotate", "--compromised", "kid-1"];
    const { code, out } = await run(typed, gatehouse.environment);
    expect(gatehouse.sent.map(({ body }) => body)).toEqual([{ compromised: "kid-1" }]);
    expect([code, out.split("\n")]).toEqual([
      0,
      [
        "kid-1 is killed since 2026-11-24T12:00:00.000Z; every token it signed is refused.",
        "A verifier that only reads the key set may trust it until 2026-11-24T12:05:10Z.",
        "kid-2 (access-token, RS256) signs from 2026-11-24T12:00:00Z. Verifiers with an older key set may refuse its tokens until 2026-11-24T12:11:00Z.",
        "Felt everywhere by 2026-11-24T12:00:10.000Z (in 10 s at most).",
      ],
    ]);
  });

  test("a planned rotation says which key follows when, and until when the old one is published", async () => {
    const pair = { kid: "kid-1", purpose: "identity", algorithm: "ES256" };
    const signing = [
      { ...pair, kid: "kid-2", signs_from: "2026-11-24T12:00:00.000Z", may_be_refused_until: null },
    ];
    const until = { signs_until: "2026-11-24T12:00:00.000Z", published_until: "2026-11-25T12:21:00.000Z" };
    await using gatehouse = await givenGatehouse(
      answer({ killed: null, signing, leaving: [{ ...pair, ...until }] }),
    );
    const { out } = await run(["signing-keys", "rotate"], gatehouse.environment);
    expect(gatehouse.sent.map(({ body }) => body)).toEqual([{}]);
    expect(out).toBe(
      "kid-2 (identity, ES256) signs from 2026-11-24T12:00:00Z.\n" +
        "kid-1 signs until 2026-11-24T12:00:00Z and is published until 2026-11-25T12:21:00Z.",
    );
  });

  test("a name cannot write over the terminal", async () => {
    await using gatehouse = await givenGatehouse(answer({ ...shown, name: "a\u001b[2Jb\u202ec" }));
    const { out } = await run(["keys", "show", keyId], gatehouse.environment);
    expect(out).toContain("a\\u{1b}[2Jb\\u{202e}c");
    await using refusing = await givenGatehouse({
      ...problem,
      body: problem.body.replace("the key", "\\u001b[2J"),
    });
    const { err } = await run(["keys", "show", keyId], refusing.environment);
    expect(err).toBe("Refused: \\u{1b}[2J is revoked (409, conflict, request req_7).");
  });

  test("--json is the API's answer to the letter, before the command or behind it", async () => {
    const body = '{"data":[],  "next_cursor":null, "new_member":1.0}';
    await using gatehouse = await givenGatehouse({ status: 200, body });
    for (const typed of [
      ["keys", "list", "--json"],
      ["--json", "keys", "list"],
    ]) {
      expect(await run(typed, gatehouse.environment)).toEqual({ code: 0, out: body, err: "" });
    }
  });

  test("health names each store, and ends with 1 when one does not answer", async () => {
    const readiness = (status: string) => ({ status, dependencies: { redis: { status, latency_ms: 7 } } });
    await using well = await givenGatehouse(answer(readiness("ok")));
    const healthy = await run(["health"], { GATEHOUSE_URL: well.url });
    expect([healthy.code, well.sent[0]?.path]).toEqual([0, "/health/ready"]);
    expect(well.sent[0]?.request.headers.authorization).toBeUndefined();
    expect(healthy.out).toMatch(/is ok\.[\s\S]*redis +ok +7 ms/);
    await using ill = await givenGatehouse(answer(readiness("unavailable"), 503));
    expect((await run(["health"], { GATEHOUSE_URL: ill.url })).code).toBe(1);
  });
});

describe("what cannot be done is one sentence", () => {
  test.each([
    [
      {},
      /^No Gatehouse is running on this machine: start one with npm start, or set GATEHOUSE_URL and GATEHOUSE_ADMIN_KEY\.$/,
    ],
    [{ GATEHOUSE_ADMIN_KEY: key }, /^No Gatehouse is running on this machine: /],
    [
      { GATEHOUSE_URL: "http://localhost:9" },
      /^GATEHOUSE_URL is set, but GATEHOUSE_ADMIN_KEY is not: [^\n]*\.$/,
    ],
    [
      { GATEHOUSE_URL: "http://auth.example.com", GATEHOUSE_ADMIN_KEY: key },
      /^GATEHOUSE_URL must be https: [^\n]*\.$/,
    ],
    [
      { GATEHOUSE_URL: "https://auth.example.com/x", GATEHOUSE_ADMIN_KEY: key },
      /^GATEHOUSE_URL must be an origin [^\n]*\.$/,
    ],
    [{ GATEHOUSE_URL: "auth", GATEHOUSE_ADMIN_KEY: key }, /^GATEHOUSE_URL must be an origin [^\n]*\.$/],
    [
      { GATEHOUSE_URL: "http://localhost:9", GATEHOUSE_ADMIN_KEY: key },
      /^http:\/\/localhost:9 does not answer: [^\n]*\.$/,
    ],
  ])("with %j in the environment", async (environment, sentence) => {
    const { code, out, err } = await run(["keys", "list"], environment);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(sentence);
    expect(err).not.toContain(key);
  });

  test.each([
    [
      { status: 302, body: "", location: "https://elsewhere.example/" },
      "answered 302, and not as Gatehouse does.",
    ],
    [{ status: 502, body: "<h1>Bad gateway</h1>" }, "answered 502, and not as Gatehouse does."],
    [{ status: 500, body: "null" }, "answered 500, and not as Gatehouse does."],
    [
      { status: 200, body: "<h1>It works</h1>" },
      "answered with something that is not JSON: is it Gatehouse?",
    ],
  ])("when %j comes back, and the key goes nowhere else", async (reply, sentence) => {
    await using gatehouse = await givenGatehouse(reply);
    const { code, out, err } = await run(["keys", "list"], gatehouse.environment);
    expect([code, out, err]).toEqual([1, "", `${gatehouse.url} ${sentence}`]);
    expect(gatehouse.sent).toHaveLength(1);
  });

  test("bootstrap without its variables names the first that is missing, never a value", async () => {
    const { code, out, err } = await run(["bootstrap"], {
      ISSUER: "https://auth.example.com",
      DATABASE_URL: key,
    });
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^DATABASE_URL must be a URL[^\n]*\.$/);
    expect(err).not.toContain(key);
  });
});
