import { answerJson, listenRaw, type RawRequest } from "./raw-http.ts";

type Count = { calls: number };
type Query = { query: string; params: unknown[] };

/**
 * What people's operations ask, alike each time: a refresh of one token, which here is always its first use, a sign-in of
 * one person, and the event of it. An embedded Postgres would be what limits them; its truth is the suites' matter.
 */
const rehearsed = [
  /^\s*with changed as \(\s*update "refresh_families"/,
  /^\s*with proved as \(\s*update "accounts"/,
  /^select .* from "accounts" where "accounts"\."email_canonical" = \$1/,
  /^insert into "audit_events"/,
];
const keyLookUp = /^select .* from "api_keys" where "api_keys"\."secret_hash" = \$1 limit \$2$/;

/**
 * Neon's SQL over HTTP: the twin answers. While `replay` is on, each statement's first answer is given again to all
 * like it, with another key's hash and id in it: ten thousands of keys are then read at the price of the Worker alone.
 */
export async function startNeonFront(count: Count, twin: { port: number }) {
  const remembered = new Map<string, { answer: string; secretHash: string }>();
  let replay = false;

  async function ask({ head, body }: RawRequest): Promise<string> {
    count.calls += 1;
    const { query, params } = JSON.parse(body) as Query;
    const known = replay || isRehearsed(query) ? remembered.get(nameOf(query, params)) : undefined;
    const secretHash = keyLookUp.test(query) ? String(params[0]) : "";
    if (known) return answerJson(known.secretHash === "" ? known.answer : asKey(known, secretHash));
    const response = await fetch(`http://127.0.0.1:${twin.port}/sql`, {
      method: "POST",
      headers: neonHeaders(head),
      body,
    });
    const answer = await response.text();
    if (!response.ok) return answerJson(answer, `${response.status} Refused`);
    remembered.set(nameOf(query, params), { answer, secretHash });
    return answerJson(answer);
  }

  const { port } = await listenRaw(ask);
  return {
    port,
    setReplay: (on: boolean): void => {
      replay = on;
    },
  };
}

/** Statements that differ in the number of their values are told apart by their beginning only. */
const shapeOf = (query: string): string => (keyLookUp.test(query) ? "key look-up" : query.slice(0, 60));

const isRehearsed = (query: string): boolean => rehearsed.some((shape) => shape.test(query));

/** Whose row is looked up belongs to a look-up; keys are put into the answer. */
const nameOf = (query: string, params: unknown[]): string =>
  isRehearsed(query) && query.startsWith("select") ? `${query} ${params[0]}` : shapeOf(query);

function neonHeaders(head: string): [string, string][] {
  return head.split("\r\n").flatMap((line): [string, string][] => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    return name.startsWith("neon-") ? [[name, line.slice(colon + 1).trim()]] : [];
  });
}

function asKey(known: { answer: string; secretHash: string }, secretHash: string): string {
  const id = /"(key_[0-9A-Za-z]{22})"/.exec(known.answer)?.[1];
  if (id === undefined) throw new Error("the remembered answer holds no key");
  return known.answer
    .replaceAll(known.secretHash, secretHash)
    .replaceAll(id, `key_${secretHash.slice(0, 22)}`);
}
