import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { neon, neonConfig } from "@neondatabase/serverless";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type NeonTwin, startNeonTwin } from "../../scripts/twins/neon.ts";
import { startUpstashTwin, type UpstashTwin } from "../../scripts/twins/upstash.ts";
import { START_MS, uniqueName } from "./backings.ts";
import { restCall } from "./rest-call.ts";

let upstash: UpstashTwin;
let postgres: NeonTwin;

beforeAll(async () => {
  upstash = await startUpstashTwin();
  postgres = await startNeonTwin();
  neonConfig.fetchEndpoint = (host, port) => `http://${host}:${port}/sql`;
}, START_MS);
afterAll(async () => {
  await upstash.close();
  await postgres.close();
});

/** One lane of the Upstash twin, with the calls that drive its faults. */
function lane() {
  const name = uniqueName("lane");
  const headers = { authorization: `Bearer ${upstash.token}` };
  return {
    name,
    run: (...body: unknown[]) => restCall(`${upstash.url}/lane/${name}`, { headers, body }),
    faults: (...body: unknown[]) => restCall(`${upstash.url}/_faults/${name}`, { method: "PUT", body }),
    clear: () => restCall(`${upstash.url}/_faults/${name}`, { method: "DELETE" }),
    forgetCalls: () => restCall(`${upstash.url}/_calls/${name}`, { method: "DELETE" }),
    async calls() {
      const { body } = await restCall(`${upstash.url}/_calls/${name}`);
      return body as { count: number; calls: { summary: string[]; fault: string | null; body: string }[] };
    },
  };
}

test("refuse resets the connection and nothing runs", async () => {
  const { run, faults } = lane();
  const key = uniqueName();
  await faults({ kind: "refuse", times: 1 });
  await expect(run("INCR", key)).rejects.toThrow("fetch failed");
  expect((await run("GET", key)).body).toEqual({ result: null });
});

test("hang never answers until the lane is cleared, and nothing ran", async () => {
  const { run, faults, clear, calls } = lane();
  const key = uniqueName();
  await faults({ kind: "hang" });
  const hanging = run("INCR", key).then(
    () => "answered",
    () => "reset",
  );
  await expect.poll(calls).toMatchObject({ count: 1 });
  await clear();
  expect(await hanging).toBe("reset");
  expect((await run("GET", key)).body).toEqual({ result: null });
});

test("slow answers as usual, but not before its time", async () => {
  const { run, faults } = lane();
  await faults({ kind: "slow", ms: 80 });
  const before = performance.now();
  expect((await run("PING")).body).toEqual({ result: "PONG" });
  expect(performance.now() - before).toBeGreaterThanOrEqual(75);
});

test("status answers what the rule says, and nothing runs", async () => {
  const { run, faults } = lane();
  const key = uniqueName();
  await faults(
    { kind: "status", status: 429, times: 1 },
    { kind: "status", status: 500, body: "oh no", times: 1 },
  );
  expect((await run("INCR", key)).status).toBe(429);
  expect(await run("INCR", key)).toMatchObject({ status: 500, text: "oh no" });
  expect((await run("GET", key)).body).toEqual({ result: null });
});

test("garble answers 200 with broken JSON, though the command ran", async () => {
  const { run, faults } = lane();
  const key = uniqueName();
  await faults({ kind: "garble", times: 1 });
  const { status, body } = await run("INCR", key);
  expect({ status, body }).toEqual({ status: 200, body: undefined });
  expect((await run("GET", key)).body).toEqual({ result: "1" });
});

test("partial breaks off in the middle of the body, though the command ran", async () => {
  const { run, faults } = lane();
  const key = uniqueName();
  await faults({ kind: "partial", times: 1 });
  await expect(run("INCR", key)).rejects.toThrow("terminated");
  expect((await run("GET", key)).body).toEqual({ result: "1" });
});

test("drop-after loses the answer of a command that ran", async () => {
  const { run, faults } = lane();
  const key = uniqueName();
  await faults({ kind: "drop-after", times: 1 });
  await expect(run("INCR", key)).rejects.toThrow("fetch failed");
  expect((await run("GET", key)).body).toEqual({ result: "1" });
});

test("a rule hits only what it matches, as often as it says, after as many as it lets pass", async () => {
  const { run, faults } = lane();
  const key = uniqueName();
  await faults(
    { kind: "status", status: 500, match: "INCR", times: 2 },
    { kind: "status", status: 503, match: { regex: '^/\\n\\["(get|strlen)"', flags: "i" }, after: 1 },
  );
  const statuses: number[] = [];
  for (const command of ["PING", "INCR", "GET", "INCR", "STRLEN", "INCR", "GET"]) {
    statuses.push((await run(command, ...(command === "PING" ? [] : [key]))).status);
  }
  expect(statuses).toEqual([200, 500, 200, 500, 503, 200, 503]);
});

test("lanes have their own faults and counts, and one database", async () => {
  const [mine, other] = [lane(), lane()];
  const key = uniqueName();
  await mine.faults({ kind: "status", status: 500 });
  expect((await mine.run("SET", key, "x")).status).toBe(500);
  expect((await other.run("SET", key, "y")).status).toBe(200);
  await other.run("GET", key);
  await mine.clear();
  expect((await mine.run("GET", key)).body).toEqual({ result: "y" });
  expect(await mine.calls()).toMatchObject({
    count: 2,
    calls: [
      { summary: ["SET"], fault: "status" },
      { summary: ["GET"], fault: null },
    ],
  });
  expect(await other.calls()).toMatchObject({ count: 2 });
});

test("control calls are not counted, and counts can be set back", async () => {
  const { run, calls, forgetCalls, clear } = lane();
  await run("PING");
  await clear();
  await calls();
  expect(await calls()).toMatchObject({ count: 1 });
  await forgetCalls();
  expect(await calls()).toEqual({ count: 0, calls: [] });
});

test("each call is recorded with its commands and at most 2 KB of its body", async () => {
  const { run, calls, name } = lane();
  await run("SET", uniqueName(), "x".repeat(5000), "EX", 60);
  const headers = { authorization: `Bearer ${upstash.token}` };
  await restCall(`${upstash.url}/lane/${name}/pipeline`, {
    headers,
    body: [
      ["GET", "a"],
      ["get", "b"],
    ],
  });
  await restCall(`${upstash.url}/lane/${name}/hget/h/f`, { headers });
  const recorded = (await calls()).calls;
  expect(recorded.map((call) => call.summary)).toEqual([["SET"], ["GET", "GET"], ["HGET"]]);
  expect(recorded[0]?.body).toHaveLength(2048);
  expect(recorded[2]?.body).toBe("/hget/h/f");
  expect(recorded[0]).toMatchObject({ store: "upstash", at: expect.any(Number) });
});

test("a misspelt rule is refused instead of hitting nothing", async () => {
  const { faults } = lane();
  expect((await faults({ kind: "refused" })).status).toBe(400);
  expect((await faults({ kind: "slow" })).status).toBe(400);
  expect((await faults({ kind: "status" })).status).toBe(400);
});

test("at the Neon twin the user's name chooses the lane, and SQL keywords are counted", async () => {
  const name = uniqueName("n");
  const sql = neon(postgres.url.replace("gatehouse:", `lane-${name}:`));
  await sql`select 1`;
  await sql.transaction([sql`select 2`, sql`show timezone`]);
  const recorded = (await restCall(`http://127.0.0.1:${postgres.port}/_calls/${name}`)).body;
  expect(recorded).toMatchObject({
    count: 2,
    calls: [{ summary: ["SELECT"] }, { summary: ["SELECT", "SHOW"] }],
  });
});

test("a dropped answer at the Neon twin leaves the statement done", async () => {
  const table = uniqueName();
  await postgres.query(`create table ${table} (id int primary key)`);
  const name = uniqueName("n");
  const sql = neon(postgres.url.replace("gatehouse:", `lane-${name}:`));
  const rules = [{ kind: "drop-after", times: 1, match: "insert" }];
  await restCall(`http://127.0.0.1:${postgres.port}/_faults/${name}`, { method: "PUT", body: rules });
  await expect(sql.query(`insert into ${table} values (1)`)).rejects.toThrow("Error connecting to database");
  expect(await sql.query(`select id from ${table}`)).toEqual([{ id: 1 }]);
});

test("closing a twin ends what hangs in it", async () => {
  const own = await startUpstashTwin({ token: "t" });
  await restCall(`${own.url}/_faults/default`, { method: "PUT", body: [{ kind: "hang" }] });
  const hanging = restCall(own.url, { headers: { authorization: "Bearer t" }, body: ["PING"] }).then(
    () => "answered",
    () => "reset",
  );
  const count = async () => ((await restCall(`${own.url}/_calls/default`)).body as { count: number }).count;
  await expect.poll(count).toBe(1);
  await own.close();
  expect(await hanging).toBe("reset");
});

/** The moment between a client's end and our own: what is reset then was, to Node, a handle that never closes. */
const departure = `
  import { connect, createServer } from "node:net";
  import { createFaults } from "./scripts/twins/faults.ts";
  const faults = createFaults();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.resume().on("end", () => {
      faults.hold("lane", socket);
      socket.end();
      faults.clear("lane");
      console.log("held, ended and cleared");
      server.close();
    });
  });
  server.listen(0, "127.0.0.1", () => connect(server.address().port, "127.0.0.1").on("error", () => undefined).end());
`;

test("a process ends by itself although a client that was left hanging had gone before its lane was cleared", async () => {
  const child = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", departure], {
    timeout: 15_000,
    killSignal: "SIGKILL",
  });
  await expect(child).resolves.toMatchObject({ stdout: "held, ended and cleared\n" });
}, 20_000);
