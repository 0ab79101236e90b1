/** A provider takes a mail within a second or two; nobody waits for it but work behind an answer. */
const deadlineMilliseconds = 5000;
const mailBytesMax = 64 * 1024;

export type Sent = { readonly ok: true } | { readonly ok: false; readonly reason: "refused" | "unavailable" };

/** A later attempt cannot mend these: the provider will not take this mail. */
const refusingStatuses: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * The mail provider's HTTP API, in Resend's shape: `POST <url>/emails`. No retry here: what failed waits for the cron
 * trigger. `idempotencyKey` makes a mail whose answer was lost one mail. Nothing of the answer is read but its status.
 */
export function createMailClient(options: { url: string; key: string; from: string }) {
  const endpoint = `${options.url.replace(/\/$/, "")}/emails`;

  return {
    async send(
      mail: { to: string; subject: string; text: string; html: string },
      idempotencyKey: string,
    ): Promise<Sent> {
      const { to, subject, text, html } = mail;
      const body = JSON.stringify({ from: options.from, to: [to], subject, text, html });
      if (body.length > mailBytesMax) return { ok: false, reason: "refused" };
      try {
        const answer = await fetch(endpoint, {
          method: "POST",
          headers: {
            authorization: `Bearer ${options.key}`,
            "content-type": "application/json",
            "idempotency-key": idempotencyKey,
            "user-agent": "Gatehouse",
          },
          body,
          redirect: "manual",
          signal: AbortSignal.timeout(deadlineMilliseconds),
        });
        await answer.body?.cancel();
        if (answer.ok) return { ok: true };
        return { ok: false, reason: refusingStatuses.has(answer.status) ? "refused" : "unavailable" };
      } catch {
        return { ok: false, reason: "unavailable" };
      }
    },
  };
}

export type MailClient = ReturnType<typeof createMailClient>;
