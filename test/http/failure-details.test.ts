import { expect, test } from "vitest";
import { listenToLog } from "../attacks/traces.ts";
import { givenIsolate, json } from "../support/given.ts";
import { givenBrowser } from "../support/given-browser.ts";
import { givenPerson } from "../support/given-people.ts";
import { expectProblem } from "../support/problem.ts";

const pepper = (version: number) => ({
  environment: {
    PASSWORD_PEPPERS: `${version}:${"ABCDEFGHIJKLMNOP".repeat(3).slice(version, 43 + version)}`,
  },
});

test("a pepper that was dropped too early is told to operators, once a minute, and to strangers is the fixed sentence alone", async () => {
  const before = await givenIsolate(pepper(1));
  const { email, password } = await givenPerson(before);
  const after = await givenIsolate({ clock: before.clock, ...pepper(2) });
  const log = listenToLog();
  const told = () =>
    log()
      .split("\n")
      .filter((line) => line.includes('"failure"'));
  const signIn = () => after.fetch("/auth/login", json({ email, password }));

  const refused = await signIn();
  const body = (await refused.clone().json()) as { detail: string; request_id: string };
  await expectProblem(refused, 503, "unavailable");
  expect(body.detail).toBe("This cannot be decided right now. Try again shortly.");
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(told().map((line) => JSON.parse(line))).toEqual([
    {
      message: "failure",
      code: "unavailable",
      detail: "PASSWORD_PEPPERS lacks the version that a stored password needs",
      request_id: body.request_id,
    },
  ]);

  const page = await givenBrowser(after).submit("/login", { email, password });
  expect(page.html).not.toContain("PEPPER");
  after.clock.advance(59_999);
  expect(await (await signIn()).text()).not.toContain("PEPPER");
  expect(told()).toHaveLength(1);
  after.clock.advance(1);
  await signIn();
  expect(told()).toHaveLength(2);
  for (const secret of [email, password]) expect(log()).not.toContain(secret);
});

test("what a caller can mend is still said, and is no failure", async () => {
  const isolate = await givenIsolate();
  const log = listenToLog();
  const answer = await isolate.fetch("/auth/register", json({ email: "no address", password: "x" }));
  const { detail } = (await answer.json()) as { detail: string };
  expect([answer.status, detail]).toEqual([400, "email: give one mail address"]);
  expect(log()).toBe("");
});
