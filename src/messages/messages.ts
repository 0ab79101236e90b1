import type { Audit, Background } from "../audit/audit.ts";
import type { EventReason, Party } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import type { Seal } from "../crypto/seal.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { MailClient } from "./mail.client.ts";
import type { Mail, Message } from "./message.ts";
import type { SmsClient, Texted } from "./sms.client.ts";
import type { MessageStore } from "./store.ts";
import type { Templates } from "./templates.ts";
import { type TextMessage, wordsOfText } from "./text-words.ts";

/** 1, 2, 4, 8, 16 minutes after the first: with it six attempts, and no mail is sent that is older than an hour. */
export const attemptsMax = 6;
export const ageMaxMilliseconds = 3_600_000;
const firstPauseMilliseconds = 60_000;
const retryBatch = 50;
const retriedTogether = 5;
/** Longer than a batch can take: a mail that a dead cron trigger held comes back. */
const heldMilliseconds = 120_000;
const sealContext = "messages:waiting";
const system: Party = { type: "system", id: "gatehouse" };

type Waiting = {
  readonly id: string;
  readonly mail: Mail;
  readonly attempts: number;
  readonly madeAt: number;
};

/**
 * Mails, sent behind the answer. One that the provider does not take waits sealed in Redis for the cron trigger: it holds
 * an address and may hold a link. What is given up is an event, which names neither.
 */
export function createMessages(options: {
  /** Null: no provider is configured. */
  client: MailClient | null;
  /** The same of texts to telephones. */
  sms: SmsClient | null;
  issuer: string;
  store: MessageStore;
  templates: Templates;
  seal: Seal;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { client, store, templates, seal, audit, now } = options;

  function noteFailure(reason: EventReason, background: Background): void {
    audit.record(
      {
        type: "message.failed",
        outcome: "noticed",
        reason,
        actor: system,
        subject: null,
        origin: { requestId: "", address: "", country: null },
      },
      background,
    );
  }

  const sealed = (waiting: Waiting): Promise<string> => seal.seal(JSON.stringify(waiting), sealContext);

  async function deliver(waiting: Waiting, background: Background): Promise<void> {
    const sent = await (client?.send(waiting.mail, waiting.id) ?? { ok: false, reason: "unavailable" });
    if (sent.ok) return;
    if (sent.reason === "refused") return noteFailure("malformed", background);
    const kept = await sealed({ ...waiting, attempts: 1 })
      .then((text) => store.keep(text, now() + firstPauseMilliseconds))
      .catch(() => false);
    if (!kept) noteFailure("sources_unavailable", background);
  }

  async function openWaiting(text: string): Promise<Waiting | null> {
    const opened = await seal.open(text, sealContext);
    return opened.ok ? (JSON.parse(opened.plaintext) as Waiting) : null;
  }

  async function retryOne(text: string, background: Background): Promise<boolean> {
    const waiting = await openWaiting(text);
    if (waiting === null || now() - waiting.madeAt > ageMaxMilliseconds) {
      await store.forget(text);
      noteFailure(waiting === null ? "unknown_key" : "expired", background);
      return false;
    }
    const sent = await (client?.send(waiting.mail, waiting.id) ?? { ok: false, reason: "unavailable" });
    const attempts = waiting.attempts + 1;
    if (sent.ok || sent.reason === "refused" || attempts >= attemptsMax) {
      await store.forget(text);
      if (!sent.ok) noteFailure(sent.reason === "refused" ? "malformed" : "expired", background);
      return sent.ok;
    }
    const dueAt = now() + firstPauseMilliseconds * 2 ** (attempts - 1);
    await store.postpone(text, { sealed: await sealed({ ...waiting, attempts }), dueAt });
    return false;
  }

  return {
    /** Throws `unavailable` where what is asked for cannot be done without a mail. */
    requireMail(): void {
      if (!client) throw new AuthError("unavailable", "no mail provider is configured");
    },

    /** Never throws, never waits. Without a provider notices are not sent at all. */
    send(message: Message, background: Background): void {
      if (!client) return;
      const id = `msg_${randomBase62(22)}`;
      background(deliver({ id, mail: templates(message), attempts: 0, madeAt: now() }, background));
    },

    /**
     * A text to a telephone, while somebody waits. It never waits itself: a code that comes late is worth nothing. Who may
     * cause one, and how many, is the caller's to see to.
     */
    async sendText(message: TextMessage, background: Background): Promise<Texted> {
      const words = wordsOfText(message, options.issuer);
      const sent: Texted = options.sms
        ? await options.sms.send(message.to, words)
        : { ok: false, reason: "unavailable" };
      if (!sent.ok) noteFailure(sent.reason === "refused" ? "malformed" : "sources_unavailable", background);
      return sent;
    },

    /** For the cron trigger: how many of those that waited have been sent. */
    async retry(background: Background): Promise<number> {
      const due = await store.takeDue(now(), retryBatch, now() + heldMilliseconds);
      let sent = 0;
      for (let from = 0; from < due.length; from += retriedTogether) {
        const batch = due.slice(from, from + retriedTogether);
        const fates = await Promise.allSettled(batch.map((text) => retryOne(text, background)));
        sent += fates.filter((fate) => fate.status === "fulfilled" && fate.value).length;
      }
      return sent;
    },
  };
}

export type Messages = ReturnType<typeof createMessages>;
