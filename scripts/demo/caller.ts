import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { text } from "node:stream/consumers";
import { reasonOf, refusal } from "../stack/refusal.ts";

export type Asked = {
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form, instead. */
  readonly form?: Readonly<Record<string, string>>;
};

export type Answered = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON, or an empty object. */
  readonly json: Readonly<Record<string, unknown>>;
};

const deadlineMilliseconds = 10_000;

/** Sends exactly the headers it is told, those included which fetch would not let through. */
export function createCaller() {
  const agent = new Agent({ keepAlive: true });

  async function call(asked: Asked): Promise<Answered> {
    const body = bodyOf(asked);
    const sent = request(asked.url, {
      agent,
      method: asked.method ?? (body === undefined ? "GET" : "POST"),
      headers: { ...asked.headers, ...(body === undefined ? {} : headersOf(asked, body)) },
      signal: AbortSignal.timeout(deadlineMilliseconds),
    });
    const answer = new Promise<Answered>((resolve, reject) => {
      sent.on("error", reject);
      sent.on("response", (response) => {
        text(response).then((received) => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, text: received, json: parse(received) });
        }, reject);
      });
    });
    sent.end(body);
    return await answer.catch((error: unknown) => {
      throw refusal(`${new URL(asked.url).origin} does not answer: ${reasonOf(error)}.`, error);
    });
  }

  return { call, close: () => agent.destroy() };
}

export type Caller = ReturnType<typeof createCaller>;

function bodyOf({ body, form }: Asked): string | undefined {
  if (form) return new URLSearchParams(form).toString();
  return body === undefined ? undefined : JSON.stringify(body);
}

const headersOf = ({ form }: Asked, body: string) => ({
  "content-type": form ? "application/x-www-form-urlencoded" : "application/json",
  "content-length": String(Buffer.byteLength(body)),
});

function parse(received: string): Record<string, unknown> {
  try {
    return (JSON.parse(received) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
