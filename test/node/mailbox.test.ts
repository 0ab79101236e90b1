import { afterAll, beforeAll, expect, test } from "vitest";
import { startMailbox } from "../../scripts/twins/mailbox.ts";
import { uniqueName } from "./backings.ts";
import { restCall } from "./rest-call.ts";

let mailbox: Awaited<ReturnType<typeof startMailbox>>;

beforeAll(async () => {
  mailbox = await startMailbox();
});
afterAll(() => mailbox.close());

const address = () => `${uniqueName()}@example.test`;

function sendMail(mail: Record<string, unknown>, authorization = "Bearer key") {
  return restCall(`${mailbox.url}/emails`, { headers: { authorization }, body: mail });
}

function sendSms(form: Record<string, string>, authorization = "Basic QUM6dG9rZW4=") {
  return restCall(`${mailbox.url}/2010-04-01/Accounts/AC123/Messages.json`, {
    headers: { authorization, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  });
}

const messagesTo = async (to: string) =>
  (await restCall(`${mailbox.url}/messages?to=${encodeURIComponent(to)}`)).body as Record<string, unknown>[];

test("a mail is kept for its recipient with every part, newest first", async () => {
  const to = address();
  const mail = {
    from: "Gatehouse <no-reply@example.test>",
    to,
    subject: "Hé",
    text: "one",
    html: "<p>one</p>",
  };
  expect(await sendMail(mail)).toMatchObject({ status: 200, body: { id: expect.any(String) } });
  await sendMail({ ...mail, text: "two" });
  const messages = await messagesTo(to);
  expect(messages.map((message) => message["text"])).toEqual(["two", "one"]);
  expect(messages[1]).toEqual({
    channel: "mail",
    to,
    subject: "Hé",
    text: "one",
    html: "<p>one</p>",
    sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
});

test("a mail to several arrives at each", async () => {
  const to = [address(), address()];
  await sendMail({ from: "a@example.test", to, subject: "s", text: "t" });
  for (const one of to) expect(await messagesTo(one)).toHaveLength(1);
});

test("a mail without key, recipient or subject is refused and not kept", async () => {
  const to = address();
  expect((await sendMail({ from: "a@example.test", to, subject: "s", text: "t" }, "")).status).toBe(401);
  expect((await sendMail({ from: "a@example.test", to, text: "t" })).status).toBe(422);
  expect((await sendMail({ from: "a@example.test", to: [], subject: "s" })).status).toBe(422);
  expect(await messagesTo(to)).toEqual([]);
});

test("an SMS is kept for its number", async () => {
  const to = `+1555${Date.now()}`;
  const { status, body } = await sendSms({ To: to, From: "+15550000000", Body: "Code 123456" });
  expect({ status, body }).toMatchObject({ status: 201, body: { status: "queued", to } });
  expect(await messagesTo(to)).toMatchObject([
    { channel: "sms", to, subject: "", text: "Code 123456", html: "" },
  ]);
});

test("an SMS without credentials or text is refused", async () => {
  expect((await sendSms({ To: "+1", Body: "x" }, "")).status).toBe(401);
  expect((await sendSms({ To: "+1" })).status).toBe(400);
});

test("the page shows messages and never runs what is in them", async () => {
  const hostile = `<script>alert("x")</script>' onload='`;
  const to = address();
  await sendMail({
    from: "a@example.test",
    to,
    subject: hostile,
    text: `see https://example.test/?a=1&b="2 ${hostile}`,
  });
  const { text, headers } = await restCall(`${mailbox.url}/`);
  expect(text).not.toContain("<script");
  expect(text).toContain("&lt;script&gt;");
  expect(text).toContain(`<a href="https://example.test/?a=1&amp;b=">`);
  expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
});

test("only the last thousand messages are kept, and all can be deleted", async () => {
  const own = await startMailbox();
  const to = Array.from({ length: 1005 }, (_, i) => `${i}@example.test`);
  const headers = { authorization: "Bearer key" };
  await restCall(`${own.url}/emails`, { headers, body: { from: "a@example.test", to, subject: "s" } });
  const all = (await restCall(`${own.url}/messages`)).body as { to: string }[];
  expect(all).toHaveLength(1000);
  expect(all[0]?.to).toBe("1004@example.test");
  expect((await restCall(`${own.url}/messages`, { method: "DELETE" })).status).toBe(204);
  expect((await restCall(`${own.url}/messages`)).body).toEqual([]);
  await own.close();
});
