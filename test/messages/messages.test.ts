import { expect, inject, test } from "vitest";
import type { Message } from "../../src/messages/message.ts";
import { createTemplates } from "../../src/messages/templates.ts";
import { givenIsolate, type Isolate } from "../support/given.ts";
import {
  askedFrom,
  freshAddress,
  goodPassword,
  mailCalls,
  mailFault,
  mailsTo,
} from "../support/given-people.ts";

const done = { at: new Date("2026-11-24T10:32:45Z"), address: "192.0.2.7", country: "DE" };

async function retry(isolate: Isolate): Promise<number> {
  const sent = await isolate.rooms.messages.retry(isolate.background);
  await isolate.settle();
  return sent;
}

const failures = async (isolate: Isolate) => {
  await isolate.rooms.audit.flush();
  const events = await isolate.rooms.audit.list({
    type: "message.failed",
    from: new Date(isolate.clock.now() - 1),
    limit: 50,
  });
  return events.map(({ reason }) => reason);
};

const notice = (to: string): Message => ({ template: "password-changed", to, done });

/** Every stored member of the queue, as anybody who reads Redis sees it. */
async function queueText(isolate: Isolate): Promise<string> {
  const { environment } = inject("stores");
  const answer = await fetch(environment["UPSTASH_REDIS_REST_URL"] ?? "", {
    method: "POST",
    headers: { authorization: `Bearer ${environment["UPSTASH_REDIS_REST_TOKEN"]}` },
    body: JSON.stringify(["ZRANGE", "messages:waiting", "0", "-1"]),
  });
  expect(answer.status).toBe(200);
  await isolate.settle();
  return answer.text();
}

test("a mail that the provider does not take waits, sealed, and is sent by the cron trigger when it is due", async () => {
  const isolate = await givenIsolate();
  const to = freshAddress();
  await mailFault(isolate, [{ kind: "status", status: 500, times: 1 }]);
  isolate.rooms.messages.send(notice(to), isolate.background);
  expect(await mailsTo(isolate, to)).toEqual([]);
  const waiting = await queueText(isolate);
  expect(waiting).toContain("1.");
  expect(waiting).not.toContain(to);

  await retry(isolate);
  expect(await mailsTo(isolate, to)).toEqual([]);
  isolate.clock.advance(61_000);
  expect(await retry(isolate)).toBeGreaterThanOrEqual(1);
  expect(await mailsTo(isolate, to)).toHaveLength(1);
  isolate.clock.advance(3_600_000);
  await retry(isolate);
  expect(await mailsTo(isolate, to)).toHaveLength(1);
});

test("a provider that hangs is left after five seconds, behind the answer, and the mail waits", async () => {
  const isolate = await givenIsolate();
  const to = freshAddress();
  await mailFault(isolate, [{ kind: "hang", times: 1 }]);
  const began = performance.now();
  isolate.rooms.messages.send(notice(to), isolate.background);
  expect(performance.now() - began).toBeLessThan(500);
  await isolate.settle();
  expect(performance.now() - began).toBeLessThan(9000);
  isolate.clock.advance(61_000);
  await retry(isolate);
  expect(await mailsTo(isolate, to)).toHaveLength(1);
});

test("of two cron triggers at once one sends a mail", async () => {
  const isolate = await givenIsolate();
  const to = freshAddress();
  await mailFault(isolate, [{ kind: "status", status: 500, times: 1 }]);
  isolate.rooms.messages.send(notice(to), isolate.background);
  await isolate.settle();
  isolate.clock.advance(61_000);
  await Promise.all([retry(isolate), retry(isolate), retry(isolate)]);
  expect(await mailsTo(isolate, to)).toHaveLength(1);
});

test("after six attempts, each after a longer pause, a mail is given up, and an event says so", async () => {
  const isolate = await givenIsolate();
  const to = freshAddress();
  await mailFault(isolate, [{ kind: "status", status: 500, match: to }]);
  isolate.rooms.messages.send(notice(to), isolate.background);
  expect(await mailCalls(isolate)).toBe(1);
  for (const [minutes, calls] of [
    [1, 2],
    [2, 3],
    [3, 3],
    [4, 4],
    [8, 5],
    [16, 6],
    [16, 6],
  ] as const) {
    // Due a moment after its pause; one that is early finds nothing.
    isolate.clock.advance(minutes === 3 ? 60_000 : minutes * 60_000 + 1000);
    await retry(isolate);
    const expected = calls;
    expect([minutes, await mailCallsTo(isolate, to)]).toEqual([minutes, expected]);
  }
  expect(await mailsTo(isolate, to)).toEqual([]);
  await mailFault(isolate, []);
  isolate.clock.advance(3_600_000);
  await retry(isolate);
  expect(await mailsTo(isolate, to)).toEqual([]);
});

/** Of this isolate to this address: others' mails wait in the same queue. */
async function mailCallsTo(isolate: Isolate, to: string): Promise<number> {
  await isolate.settle();
  const answer = await fetch(`${inject("stores").mailbox}/_calls/${isolate.lane}`);
  const { calls } = (await answer.json()) as { calls: { fault: string | null }[] };
  expect(to).not.toBe("");
  return calls.filter(({ fault }) => fault !== null).length;
}

test("a mail older than an hour is not sent any more", async () => {
  const isolate = await givenIsolate();
  const to = freshAddress();
  await mailFault(isolate, [{ kind: "status", status: 500, times: 1 }]);
  isolate.rooms.messages.send(notice(to), isolate.background);
  await isolate.settle();
  isolate.clock.advance(3_600_001);
  await retry(isolate);
  expect(await mailsTo(isolate, to)).toEqual([]);
  expect(await failures(isolate)).toContain("expired");
});

test("a mail that the provider refuses for good is not tried again", async () => {
  const isolate = await givenIsolate();
  const to = freshAddress();
  await mailFault(isolate, [{ kind: "status", status: 422 }]);
  isolate.rooms.messages.send(notice(to), isolate.background);
  expect(await mailCalls(isolate)).toBe(1);
  expect(await failures(isolate)).toContain("malformed");
  await mailFault(isolate, []);
  isolate.clock.advance(120_000);
  await retry(isolate);
  expect(await mailsTo(isolate, to)).toEqual([]);
});

test("provider and Redis down: the mail is lost, the event says so, and registering answered as ever", async () => {
  const isolate = await givenIsolate();
  const to = freshAddress();
  await mailFault(isolate, [{ kind: "refuse" }]);
  await isolate.redisFault([{ kind: "status", status: 500 }]);
  await expect(isolate.rooms.accounts.register(to, goodPassword, askedFrom(isolate))).resolves.toEqual({
    degraded: ["register-network=local", "mail-address=local"],
  });
  await isolate.settle();
  await isolate.redisFault([]);
  expect(await failures(isolate)).toContain("sources_unavailable");
});

test("a mail sealed under a master key that is lost is dropped, and blocks nobody behind it", async () => {
  const key = (fill: number) =>
    `${fill}:${btoa(String.fromCharCode(...Array.from({ length: 32 }, (_, index) => (index * 7 + fill) % 256)))}`;
  const before = await givenIsolate({ environment: { KEY_ENCRYPTION_KEYS: key(5) } });
  const lost = freshAddress();
  await mailFault(before, [{ kind: "status", status: 500, times: 1 }]);
  before.rooms.messages.send(notice(lost), before.background);
  await before.settle();
  const after = await givenIsolate({ clock: before.clock });
  const to = freshAddress();
  await mailFault(after, [{ kind: "status", status: 500, times: 1 }]);
  after.rooms.messages.send(notice(to), after.background);
  await after.settle();
  before.clock.advance(61_000);
  await retry(after);
  expect(await mailsTo(after, to)).toHaveLength(1);
  expect(await mailsTo(after, lost)).toEqual([]);
  expect(await failures(after)).toContain("unknown_key");
});

const issuer = "https://auth.acme.example";
const mailOf = createTemplates({ issuer });
const every: readonly Message[] = [
  { template: "confirm-address", to: "a@example.com", link: "L".repeat(43), asked: done },
  { template: "confirm-new-address", to: "a@example.com", link: "L".repeat(43), asked: done },
  { template: "recover", to: "a@example.com", link: "L".repeat(43), asked: done },
  { template: "address-known", to: "a@example.com", asked: done },
  { template: "password-changed", to: "a@example.com", done },
  { template: "account-deleted", to: "a@example.com", done },
  { template: "address-changed", to: "a@example.com", newAddress: "bob@example.org", done },
  { template: "sign-in-replayed", to: "a@example.com", done },
  {
    template: "new-device",
    to: "a@example.com",
    done: { ...done, city: "Berlin", userAgent: "Firefox 140 on Linux" },
  },
];

test("every mail names the issuer's host, says when and from where, leads nowhere else, and is short in both forms", () => {
  for (const message of every) {
    const { to, subject, text, html } = mailOf(message);
    expect([to, subject.includes("auth.acme.example")]).toEqual(["a@example.com", true]);
    expect(text).toContain("2026-11-24 10:32 UTC from the network address 192.0.2.7");
    for (const [url] of [...text.matchAll(/https?:\/\/\S+/g), ...html.matchAll(/https?:\/\/[^\s"<]+/g)])
      expect(url.startsWith(`${issuer}/`)).toBe(true);
    expect(text.length).toBeLessThan(1000);
    expect(html).not.toMatch(/<(?:img|script|link|iframe)/);
    expect(html).toContain('<meta name="referrer" content="no-referrer">');
  }
});

test("what a stranger says of itself can neither write into a mail nor lead out of it", () => {
  const hostile =
    '<a href="https://evil.test">click</a>\r\nBcc: x@example.com https://evil.test www.evil.test';
  const { text, html, subject } = mailOf({
    template: "new-device",
    to: "a@example.com",
    done: { ...done, city: "<b>Berlin", userAgent: `${hostile}${"x".repeat(500)}` },
  });
  expect(html).not.toContain('<a href="https://evil');
  expect(html).not.toContain("<b>Berlin");
  expect(html).toContain("&lt;b&gt;Berlin");
  for (const words of [text, html]) expect(words).not.toMatch(/https?:\/\/evil|www\.evil/);
  expect(subject).not.toMatch(/[\r\n]/);
  expect(text.length).toBeLessThan(1200);
});
