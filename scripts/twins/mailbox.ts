import { randomUUID } from "node:crypto";
import { json, type ListenOptions, listen, type TwinAnswer, type TwinRequest } from "./faulty-server.ts";
import { mailboxPage } from "./mailbox-page.ts";

export interface Message {
  channel: "mail" | "sms";
  to: string;
  subject: string;
  text: string;
  html: string;
  sent_at: string;
}

/** Enough for a day of trying things out; the oldest go first. */
const MESSAGES_MAX = 1000;

/**
 * The mail provider's and the SMS provider's HTTP APIs (Resend's `POST /emails`, Twilio's Messages), which
 * keep what was sent instead of sending it: `GET /messages?to=`, `DELETE /messages`, and a page at `/`.
 */
export async function startMailbox(options: ListenOptions = {}) {
  let messages: Message[] = [];

  function keep(message: Message): void {
    messages.unshift(message);
    if (messages.length > MESSAGES_MAX) messages.length = MESSAGES_MAX;
  }

  async function answer(request: TwinRequest): Promise<TwinAnswer> {
    const { method, path, query } = request;
    if (path === "/emails" && method === "POST") return acceptMail(request, keep);
    const account = /^\/2010-04-01\/Accounts\/([^/]+)\/Messages\.json$/.exec(path)?.[1];
    if (account && method === "POST") return acceptSms(request, account, keep);
    if (path === "/messages" && method === "GET") {
      const to = query.get("to");
      return json(200, to === null ? messages : messages.filter((message) => message.to === to));
    }
    if (path === "/messages" && method === "DELETE") {
      messages = [];
      return { status: 204, body: "" };
    }
    if (path === "/" && method === "GET") return mailboxPage(messages);
    return json(404, { error: "not found" });
  }

  const server = await listen(
    {
      store: "mailbox",
      requestBytesMax: 1024 * 1024,
      tooLarge: () => json(413, { message: "the message is too large" }),
      summarise: ({ method, path }) => [`${method} ${path}`],
      answer,
    },
    options,
  );
  return { url: `http://${server.host}:${server.port}`, port: server.port, close: server.close };
}

/** Resend: JSON with a bearer key; several recipients make several messages here. */
function acceptMail(request: TwinRequest, keep: (message: Message) => void): TwinAnswer {
  if (!/^Bearer \S+$/.test(request.headers.authorization ?? "")) {
    return json(401, { statusCode: 401, name: "missing_api_key", message: "Missing API key" });
  }
  const mail = parseObject(request.body);
  const recipients = [mail?.["to"]].flat().filter((to): to is string => typeof to === "string" && to !== "");
  if (
    !mail ||
    typeof mail["from"] !== "string" ||
    recipients.length === 0 ||
    typeof mail["subject"] !== "string"
  ) {
    return json(422, {
      statusCode: 422,
      name: "validation_error",
      message: "from, to and subject are required",
    });
  }
  for (const to of recipients) {
    keep({
      channel: "mail",
      to,
      subject: mail["subject"],
      text: textOf(mail["text"]),
      html: textOf(mail["html"]),
      sent_at: new Date().toISOString(),
    });
  }
  return json(200, { id: randomUUID() });
}

/** Twilio: a form, with the account as user name of Basic authentication, or a bearer token. */
function acceptSms(request: TwinRequest, account: string, keep: (message: Message) => void): TwinAnswer {
  if (!/^(Basic|Bearer) \S+$/.test(request.headers.authorization ?? "")) {
    return json(401, { code: 20003, message: "Authenticate", status: 401 });
  }
  const form = new URLSearchParams(request.body.toString("utf8"));
  const to = form.get("To");
  const text = form.get("Body");
  if (!to || !text)
    return json(400, { code: 21604, message: "A 'To' and a 'Body' are required.", status: 400 });
  const sentAt = new Date().toISOString();
  keep({ channel: "sms", to, subject: "", text, html: "", sent_at: sentAt });
  const sid = `SM${randomUUID().replaceAll("-", "")}`;
  return json(201, { sid, account_sid: account, to, from: form.get("From"), body: text, status: "queued" });
}

function parseObject(body: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
