import { hex, utf8 } from "../crypto/bytes.ts";

const deadlineMilliseconds = 1000;
/** A range with padding is some 40 KB. */
const answerBytesMax = 256 * 1024;

/**
 * k-anonymity: the service learns the first five digits of a SHA-1 and gives every suffix it knows of; padded, so that the
 * length of its answer tells nobody which. One call, no retry. Open on failure: the service's outage must not be ours,
 * and the blocklist still stands.
 */
export function createBreachedPasswords(baseUrl: string) {
  async function isBreached(password: string): Promise<boolean> {
    const sha1 = hex(new Uint8Array(await crypto.subtle.digest("SHA-1", utf8(password)))).toUpperCase();
    const answer = await fetch(`${baseUrl.replace(/\/$/, "")}/range/${sha1.slice(0, 5)}`, {
      headers: { "add-padding": "true", "user-agent": "Gatehouse" },
      redirect: "manual",
      signal: AbortSignal.timeout(deadlineMilliseconds),
    });
    if (!answer.ok) {
      await answer.body?.cancel();
      return false;
    }
    const suffix = sha1.slice(5);
    const lines = (await readBounded(answer)).split(/\r?\n/);
    // Padding has the count 0.
    return lines.some((line) => line.startsWith(`${suffix}:`) && Number(line.slice(36)) > 0);
  }

  return { isBreached: (password: string): Promise<boolean> => isBreached(password).catch(() => false) };
}

export type BreachedPasswords = ReturnType<typeof createBreachedPasswords>;

async function readBounded(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error("answer_too_large");
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}
