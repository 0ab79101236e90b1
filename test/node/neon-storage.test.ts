import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startNeonTwin } from "../../scripts/twins/neon.ts";
import { openPostgres, type Session } from "../../scripts/twins/postgres.ts";
import { startUpstashTwin } from "../../scripts/twins/upstash.ts";
import { START_MS } from "./backings.ts";

test(
  "a twin with a data directory finds its rows again after a restart",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "twin-"));
    const dataDir = join(directory, "deep", "postgres");
    const first = await startNeonTwin({ dataDir });
    await first.query("create table kept (a int); insert into kept values (1)");
    await first.close();
    const second = await startNeonTwin({ dataDir });
    expect((await second.query("select a from kept"))[0]?.rows).toEqual([["1"]]);
    await second.close();
    await rm(directory, { recursive: true });
  },
  START_MS,
);

test(
  "PGlite's one connection serves one request at a time, also when they start together and one fails",
  async () => {
    const postgres = await openPostgres({});
    const steps: string[] = [];
    const use = (name: string) => async (session: Session) => {
      await session.run("begin", []);
      steps.push(`${name} begins`);
      await session.run(name === "b" ? "select 1 / 0" : "select 1", []);
      steps.push(`${name} ends`);
      await session.run("commit", []);
    };
    const outcomes = await Promise.allSettled(["a", "b", "c"].map((name) => postgres.exclusively(use(name))));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(steps).toEqual(["a begins", "a ends", "b begins", "c begins", "c ends"]);
    await postgres.close();
  },
  START_MS,
);

test("a server that is not there is told at the start", async () => {
  await expect(startNeonTwin({ databaseUrl: "postgresql://a:b@127.0.0.1:9/c" })).rejects.toThrow(
    "ECONNREFUSED",
  );
  await expect(startUpstashTwin({ redisUrl: "redis://127.0.0.1:9" })).rejects.toThrow("ECONNREFUSED");
});

test("a port that is taken is told at the start", async () => {
  const one = await startUpstashTwin();
  await expect(startUpstashTwin({ port: one.port })).rejects.toThrow("EADDRINUSE");
  await one.close();
});
