/** A service binding, as far as we use it. */
export type Binding = { fetch(request: Request): Promise<Response> };

export type UpstreamAnswer =
  | { readonly ok: true; readonly response: Response }
  | { readonly ok: false; readonly reason: "unreachable" | "timeout" | "client_gone" };

/** The edge answers these itself when an origin does not: RFC 9110 knows none of them. */
const unreachableStatuses: ReadonlySet<number> = new Set([520, 521, 523, 525, 526, 527, 530]);
const timeoutStatuses: ReadonlySet<number> = new Set([522, 524]);

/**
 * One call to an upstream. Bodies stream both ways; redirects are the client's matter; no retry, since a call that
 * failed may have had its effect. The deadline runs from the last byte of the request to the first of the answer: a long
 * upload or download may last. Accepted: an upstream that stops reading in the middle is for the client to give up on.
 * `mayBeCached`: the platform keeps answers by URL alone (`/me.css` of one caller for the next) unless told not to.
 */
export async function callUpstream(
  call: {
    url: string;
    method: string;
    headers: Headers;
    body: ReadableStream | null;
    clientGone: AbortSignal;
  },
  options: { timeoutSeconds: number; binding: Binding | null; mayBeCached: boolean },
): Promise<UpstreamAnswer> {
  const { clientGone } = call;
  const ended = new AbortController();
  let isLate = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let isOver = false;
  const startTimer = () => {
    if (isOver) return;
    timer = setTimeout(() => {
      isLate = true;
      ended.abort();
    }, options.timeoutSeconds * 1000);
  };
  // Stays for as long as the answer streams: who goes away then ends the upstream's work too.
  if (clientGone.aborted) ended.abort();
  else clientGone.addEventListener("abort", () => ended.abort(), { once: true });
  const init: RequestInit = {
    method: call.method,
    headers: call.headers,
    body: call.body && toldWhenSent(call.body, call.headers, startTimer),
    redirect: "manual",
    ...(options.mayBeCached ? {} : { cache: "no-store" as const }),
    signal: ended.signal,
  };
  if (!call.body) startTimer();
  try {
    const response = await (options.binding
      ? options.binding.fetch(new Request(call.url, init))
      : fetch(call.url, init));
    const failure = failureOf(response.status);
    if (failure === null) return { ok: true, response };
    await response.body?.cancel();
    return { ok: false, reason: failure };
  } catch {
    if (clientGone.aborted) return { ok: false, reason: "client_gone" };
    return { ok: false, reason: isLate ? "timeout" : "unreachable" };
  } finally {
    isOver = true;
    if (timer !== null) clearTimeout(timer);
  }
}

/** The same bytes, with the same length said. Who stops reading them, or sending, is noticed by the call itself. */
function toldWhenSent(body: ReadableStream, headers: Headers, sent: () => void): ReadableStream {
  const length = headers.get("content-length");
  const { readable, writable } =
    length !== null && /^\d{1,15}$/.test(length)
      ? new FixedLengthStream(Number(length))
      : new IdentityTransformStream();
  body.pipeTo(writable).then(sent, () => undefined);
  return readable;
}

/** What an answer's status says went wrong on the way; a status that HTTP does not know (RFC 9110 §15) is no answer. */
function failureOf(status: number): "unreachable" | "timeout" | null {
  if (timeoutStatuses.has(status)) return "timeout";
  return unreachableStatuses.has(status) || status > 599 ? "unreachable" : null;
}
