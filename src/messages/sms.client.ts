/** Somebody waits for this one: they look at the page that asked for the code. */
const deadlineMilliseconds = 4000;
/** Ten parts: nothing of ours is near it. */
const textMax = 1600;

/** A later attempt cannot mend these: the provider will not send to this number. */
const refusingStatuses: ReadonlySet<number> = new Set([400, 422]);

export type Texted =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: "refused" | "unavailable" };
export type SmsKey = { readonly account: string; readonly token: string };

/** `AC…:token`, as Twilio's console shows account and token. */
export function parseSmsKey(text: string): SmsKey | null {
  const [, account, token] = /^(AC[0-9A-Za-z]{1,62}):([\x21-\x7e]{8,256})$/.exec(text) ?? [];
  return account !== undefined && token !== undefined ? { account, token } : null;
}

/**
 * The SMS provider's HTTP API, in Twilio's shape. No retry: the API knows no idempotency, a second message costs money,
 * and who waits for a code asks again. Nothing of the answer is read but its status.
 */
export function createSmsClient(options: { url: string; key: SmsKey; from: string }) {
  const { account, token } = options.key;
  const endpoint = `${options.url.replace(/\/$/, "")}/2010-04-01/Accounts/${account}/Messages.json`;

  return {
    /** Who pays. */
    account,

    async send(to: string, text: string): Promise<Texted> {
      if (text.length > textMax) return { ok: false, reason: "refused" };
      try {
        const answer = await fetch(endpoint, {
          method: "POST",
          headers: {
            authorization: `Basic ${btoa(`${account}:${token}`)}`,
            "content-type": "application/x-www-form-urlencoded",
            "user-agent": "Gatehouse",
          },
          body: new URLSearchParams({ To: to, From: options.from, Body: text }).toString(),
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

export type SmsClient = ReturnType<typeof createSmsClient>;
