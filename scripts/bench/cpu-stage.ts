import { randomBytes } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { readConfig } from "../../src/env.ts";
import { wire } from "../../src/wiring.ts";
import { migrate } from "../migrate.ts";
import { compileArgon2 } from "../stack/argon2-module.ts";
import { startMailbox } from "../twins/mailbox.ts";
import { startNeonTwin } from "../twins/neon.ts";
import { startUpstashTwin } from "../twins/upstash.ts";
import { listenRaw } from "./raw-http.ts";
import type { Environment } from "./runtime.ts";

export type Sent = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
};
export type Answer = {
  readonly status: number;
  readonly cookies: readonly string[];
  readonly text: string;
  /** Of JSON. */
  readonly body: Readonly<Record<string, unknown>>;
};
export type Client = (method: string, path: string, sent?: Sent) => Promise<Answer>;

let asked = 0;
/** From another address each time: what is measured is the work, not its limits. */
const freshNetwork = (): string => {
  asked += 1;
  return `198.18.${(asked >> 8) & 255}.${asked & 255}`;
};

/** One connection to one Worker, which is told what an edge tells it. */
export function clientOf(port: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (method, path, { headers = {}, json, form } = {}) => {
    const body = json === undefined ? form && new URLSearchParams(form).toString() : JSON.stringify(json);
    const type = json === undefined ? "application/x-www-form-urlencoded" : "application/json";
    const edge = { host: "localhost", "cf-connecting-ip": freshNetwork(), "x-forwarded-proto": "https" };
    const framing = body === undefined ? {} : { "content-type": type, "content-length": body.length };
    const all = { ...edge, origin: "http://localhost", "user-agent": "bench/1", ...framing, ...headers };
    return new Promise((done, failed) => {
      const sent = httpRequest({ host: "127.0.0.1", port, method, path, headers: all, agent }, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          const isJson = /json/.test(answer.headers["content-type"] ?? "") && text !== "";
          done({
            status: answer.statusCode ?? 0,
            cookies: answer.headers["set-cookie"] ?? [],
            text,
            body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
          });
        });
      });
      sent.on("error", failed);
      sent.end(body);
    });
  };
}

/** Stores, mailbox and upstream on this machine, and the rooms over them for what is made beforehand. */
export async function openStage(closing: AsyncDisposableStack) {
  const [neon, redis, mailbox] = await Promise.all([startNeonTwin(), startUpstashTwin(), startMailbox()]);
  for (const twin of [neon, redis, mailbox]) closing.defer(() => twin.close());
  await migrate({ query: neon.query });
  const { port } = await listenRaw(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const environment: Environment = {
    ISSUER: "http://localhost",
    DATABASE_URL: neon.url,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    KEY_ENCRYPTION_KEYS: `1:${randomBytes(32).toString("base64url")}`,
    API_KEY_TAG_SECRETS: `1:${randomBytes(32).toString("base64url")}`,
    REVOCATION_BOUND_SECONDS: "10",
    MAIL_API_URL: mailbox.url,
    MAIL_API_KEY: "bench",
    MAIL_FROM: "bench@example.com",
  };
  const rooms = await wire(readConfig(environment), {
    argon2: await compileArgon2(),
    waitForRefusals: () => Promise.resolve(),
  });
  const pending: Promise<unknown>[] = [];
  const operator = {
    actor: { type: "operator", id: "bench" },
    origin: { requestId: "", address: "", country: null },
    background: (work: Promise<unknown>) => {
      pending.push(work);
    },
  } as const;
  await rooms.signingKeys.ensure(operator.background);
  await Promise.all(pending);

  /** The secret in the newest mail to an address, once it is there. */
  async function linkTo(address: string): Promise<string> {
    for (;;) {
      const answer = await fetch(`${mailbox.url}/messages?to=${encodeURIComponent(address)}`);
      const [mail] = (await answer.json()) as { text: string }[];
      const link = /\?link=(\S+)/.exec(mail?.text ?? "")?.[1];
      if (link !== undefined) return link;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return { environment, rooms, operator, upstream: `http://127.0.0.1:${port}`, linkTo };
}

export type Stage = Awaited<ReturnType<typeof openStage>>;
