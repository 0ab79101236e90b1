import { sql } from "drizzle-orm";
import { expect, inject, test } from "vitest";
import { sha256Hex } from "../../src/crypto/digest.ts";
import { givenIsolate } from "../support/given.ts";
import { familiesOf, givenFamily } from "../support/given-families.ts";
import { askedFrom, asOperator, givenPerson, linkTo, otherPassword } from "../support/given-people.ts";

/** PW-04, ASVS V6.4.3, V7.4.3, V14.2.1. */
test("after a recovery no session of before lives, and the denylist names everything issued before", async () => {
  const isolate = await givenIsolate();
  const { accounts, revocation } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  await givenFamily(isolate, account.id);
  const issuedAtSeconds = Math.floor(isolate.clock.now() / 1000) - 60;
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  expect((await accounts.recover(link, otherPassword, asOperator(isolate))).ok).toBe(true);
  expect((await familiesOf(isolate, account.id)).every(({ ended }) => ended === "by_recovery")).toBe(true);

  const edge = await givenIsolate({ clock: isolate.clock });
  await edge.rooms.revocation.denylist.load();
  const facts = {
    jti: "tok_x",
    sessionId: "ses_x",
    subject: account.id,
    clientId: "first-party",
    keyId: "kid",
    issuedAtSeconds,
  };
  expect(edge.rooms.revocation.denylist.find(facts)).toBe("subject");
  expect(revocation.denylist.find(facts)).toBe("subject");
});

test("a link's secret rests nowhere and is in no event: the tables and Redis know its SHA-256 at most", async () => {
  const isolate = await givenIsolate();
  const { accounts, database } = isolate.rooms;
  const { account, email } = await givenPerson(isolate);
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  const { rows } = await database.execute(
    sql`select 1 from mail_links where secret_hash = ${await sha256Hex(link)} and account_id = ${account.id}`,
  );
  expect(rows).toHaveLength(1);
  await accounts.recover(link, otherPassword, asOperator(isolate));
  await isolate.settle();
  const { neonPort, upstashPort } = inject("stores");
  for (const port of [neonPort, upstashPort]) {
    const sent = await (await fetch(`http://127.0.0.1:${port}/_calls/${isolate.lane}`)).text();
    expect(sent).not.toContain(link);
    expect(sent).not.toContain(otherPassword);
  }
  const events = await isolate.rooms.audit.list({ subjectId: account.id, limit: 20 });
  expect(events.length).toBeGreaterThan(1);
  expect(JSON.stringify(events)).not.toContain(link);
  expect(JSON.stringify(events)).not.toContain(email);
});

test("the page behind a link tells no other page its address, and its query is let in at the door", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  await accounts.requestRecovery(email, askedFrom(isolate));
  const { url } = await linkTo(isolate, email);
  const answer = await isolate.fetch(`${url.pathname}${url.search}`);
  expect(await answer.text()).not.toContain("credentials_in_url");
  expect(answer.status).not.toBe(400);
  // Our origin alone, whoever is asked: under no-referrer the page's own form would come with Origin: null.
  expect(answer.headers.get("referrer-policy")).toBe("strict-origin");
});
