// The load generator: raw sockets, requests built beforehand, every answer checked.
import { connect, type Socket } from "node:net";
import { answerCalls } from "./child.ts";

/** What to send where, and what every answer must be. */
export type Target = {
  readonly port: number;
  /** Taken in turn. */
  readonly requests: readonly string[];
  readonly connections: number;
  readonly expect: { readonly status: number; readonly text?: string };
};
/** Drives until this time has passed, or so many answers have come. */
export type Until = { readonly milliseconds: number } | { readonly answers: number };
export type LoadCall =
  | { readonly do: "prepare"; readonly name: string; readonly target: Target }
  | { readonly do: "drive"; readonly name: string; readonly until: Until };
export type LoadDone = { readonly answers: number; readonly milliseconds: number };

type Prepared = {
  readonly port: number;
  readonly connections: number;
  readonly requests: readonly Buffer[];
  readonly expect: { readonly status: string; readonly text: Buffer | null };
  /** Opened before the clock runs: no turn pays for connections. */
  talkers: readonly Talker[];
  usedAt: number;
  next: number;
};
type Run = { mayAsk(): boolean; sent: number; answers: number };
type Talker = { talk(run: Run): Promise<void>; close(): void };

const HEAD_END = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");
const SHOWN = 400;
/** The runtime closes a connection that was idle for 5 s. */
const IDLE_MS = 2_000;

const prepared = new Map<string, Prepared>();

function prepare(name: string, { port, requests, connections, expect }: Target): void {
  prepared.set(name, {
    port,
    connections,
    requests: requests.map((text) => Buffer.from(text, "latin1")),
    expect: { status: String(expect.status), text: expect.text ? Buffer.from(expect.text) : null },
    talkers: [],
    usedAt: Number.NEGATIVE_INFINITY,
    next: 0,
  });
}

async function freshTalkers(one: Prepared): Promise<readonly Talker[]> {
  if (performance.now() - one.usedAt < IDLE_MS) return one.talkers;
  for (const talker of one.talkers) talker.close();
  one.talkers = await Promise.all(Array.from({ length: one.connections }, () => openTalker(one)));
  return one.talkers;
}

async function drive(name: string, until: Until): Promise<LoadDone> {
  const one = prepared.get(name);
  if (!one) throw new Error(`nothing is prepared for ${name}`);
  const talkers = await freshTalkers(one);
  const began = performance.now();
  const endsAt = "milliseconds" in until ? began + until.milliseconds : Number.POSITIVE_INFINITY;
  const answersMax = "answers" in until ? until.answers : Number.POSITIVE_INFINITY;
  const run: Run = {
    mayAsk: () => run.sent < answersMax && performance.now() < endsAt,
    sent: 0,
    answers: 0,
  };
  try {
    await Promise.all(talkers.map(({ talk }) => talk(run)));
    one.usedAt = performance.now();
    return { answers: run.answers, milliseconds: one.usedAt - began };
  } catch (error) {
    // The others are still waiting for answers that belong to no turn.
    one.usedAt = Number.NEGATIVE_INFINITY;
    throw error;
  }
}

/** One connection: the next request leaves when the last one's answer is whole and as expected. */
function openTalker(one: Prepared): Promise<Talker> {
  let pending: Buffer = Buffer.alloc(0);
  let current: { run: Run; done: () => void; failed: (error: Error) => void } | null = null;
  const socket = connect({ port: one.port, host: "127.0.0.1", noDelay: true });
  const fail = (reason: string) => {
    socket.destroy();
    current?.failed(new Error(reason));
  };
  socket.on("error", (error) => fail(`the connection broke: ${error.message}`));
  socket.on("end", () => fail("the connection was closed"));
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const bytes = answerBytes(pending);
    if (!current || bytes === null || pending.length < bytes) return;
    const wrong =
      bytes < pending.length ? "more came than the answer has" : complaintAbout(pending, one.expect);
    if (wrong !== null) return fail(wrong);
    pending = Buffer.alloc(0);
    current.run.answers += 1;
    if (!askNext(socket, one, current.run)) current.done();
  });
  const talk = (run: Run) =>
    new Promise<void>((done, failed) => {
      current = { run, done, failed };
      if (socket.destroyed) failed(new Error("the connection was closed between two turns"));
      else if (!askNext(socket, one, run)) done();
    });
  return new Promise((opened, refused) => {
    socket.once("connect", () => opened({ talk, close: () => socket.destroy() }));
    socket.once("error", refused);
  });
}

function askNext(socket: Socket, one: Prepared, run: Run): boolean {
  const request = one.requests[one.next % one.requests.length];
  if (!request || !run.mayAsk()) return false;
  one.next += 1;
  run.sent += 1;
  socket.write(request);
  return true;
}

/** Length of the whole answer, or null while it cannot be told. */
function answerBytes(buffer: Buffer): number | null {
  const headEnd = buffer.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const head = buffer.toString("latin1", 0, headEnd);
  const bodyAt = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return bodyAt + Number(length);
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return bodyAt;
  // No body of ours holds the five bytes that end a chunked one.
  const end = buffer.indexOf(LAST_CHUNK, bodyAt);
  return end < 0 ? null : end + LAST_CHUNK.length;
}

function complaintAbout(answer: Buffer, expect: Prepared["expect"]): string | null {
  const status = answer.toString("latin1", 9, 12);
  const isRight = status === expect.status && (expect.text === null || answer.includes(expect.text));
  if (isRight) return null;
  const wanted = expect.text === null ? expect.status : `${expect.status} with ${expect.text.toString()}`;
  return `expected ${wanted}, got: ${answer.toString("latin1", 0, SHOWN).replaceAll("\r\n", " | ")}`;
}

answerCalls<LoadCall>(async (call) => {
  if (call.do === "drive") return drive(call.name, call.until);
  prepare(call.name, call.target);
  return null;
});
