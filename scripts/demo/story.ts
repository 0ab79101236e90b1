import { keyAnywhere } from "../../src/api-keys/key-format.ts";
import { refusal } from "../stack/refusal.ts";
import type { Answered, Asked } from "./caller.ts";

const bodyCharactersMax = 200;
const headersShown = [
  "retry-after",
  "ratelimit-policy",
  "ratelimit",
  "www-authenticate",
  "gatehouse-degraded",
];
const problemMembers = ["error", "detail"];

/** What of an answer is worth reading, beyond what always is. */
export type Worth = { readonly headers?: readonly string[]; readonly members?: readonly string[] };

/** Tells what happens, step by step, and stops at the first expectation that does not hold. */
export function createStory(print: (line: string) => void) {
  let steps = 0;
  const scene = createScene(print, () => steps);
  return {
    count: () => steps,

    /** `tell` ends with `scene.proves`. */
    async step<Made>(title: string, tell: (scene: Scene) => Promise<Made>): Promise<Made> {
      steps += 1;
      print(`\n${String(steps).padStart(2)} ${title}`);
      return await tell(scene);
    },
  };
}

export type Story = ReturnType<typeof createStory>;
export type Scene = ReturnType<typeof createScene>;

function createScene(print: (line: string) => void, stepNumber: () => number) {
  const secrets = new Set<string>();

  /** Secrets by their first characters: enough to tell one from another. */
  function shorten(text: string): string {
    let short = text.replaceAll(new RegExp(keyAnywhere, "g"), (key) => `${key.slice(0, 12)}…`);
    // The family and the generation tell refresh tokens apart, and open nothing.
    short = short.replaceAll(/gr_(\w{6})[0-9A-Za-z]{16}_(\d+)_[0-9A-Za-z]{55}/g, "gr_$1…_$2_…");
    for (const secret of secrets) short = short.replaceAll(secret, `${secret.slice(0, 11)}…`);
    return short.replaceAll(/eyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g, (token) => `${token.slice(0, 10)}…`);
  }

  return {
    /** A secret of this run that has no shape of ours. */
    keepSecret: (secret: string) => secrets.add(secret),

    show(asked: Asked, answer: Answered, worth: Worth = {}): void {
      const told = [...(worth.headers ?? []), ...headersShown].flatMap((name) =>
        answer.headers[name] === undefined ? [] : [`${name}: ${answer.headers[name]?.toString()}`],
      );
      const body = shorten(bodyOf(answer, worth.members));
      print(`   $ ${shorten(asCurl(asked))}`);
      print(`     ${[answer.status, ...told].join("   ")}`);
      if (body !== "")
        print(`     ${body.slice(0, bodyCharactersMax)}${body.length > bodyCharactersMax ? "…" : ""}`);
    },

    note: (text: string) => print(`     ${shorten(text)}`),

    expect(holds: boolean, what: string, answer?: Answered): void {
      if (holds) return;
      const instead = answer ? ` The answer was ${answer.status} ${shorten(answer.text).slice(0, 400)}` : "";
      throw refusal(`Step ${stepNumber()} does not hold: ${what}.${instead}`);
    },

    proves: (sentence: string) => print(`   proves: ${sentence}`),
  };
}

/** The members worth reading, or the body as it came. */
function bodyOf({ headers, json, text }: Answered, chosen: readonly string[] | undefined): string {
  const isProblem = headers["content-type"] === "application/problem+json";
  const members = chosen ?? (isProblem ? problemMembers : null);
  if (members === null) return text;
  const told = members.flatMap((name) => (name in json ? [`"${name}":${JSON.stringify(json[name])}`] : []));
  return `{${told.join(",")}${told.length < Object.keys(json).length ? ",…" : ""}}`;
}

function asCurl({ method, url, headers, body, form }: Asked): string {
  const words = ["curl"];
  const isSent = body !== undefined || form !== undefined;
  if (method && method !== "GET" && !(method === "POST" && isSent)) words.push("-X", method);
  words.push(/[?&]/.test(url) ? quoted(url) : url);
  for (const [name, value] of Object.entries(headers ?? {})) {
    words.push("-H", quoted(`${capitalized(name)}: ${value}`));
  }
  if (body !== undefined) words.push("--json", quoted(JSON.stringify(body)));
  for (const [name, value] of Object.entries(form ?? {})) words.push("-d", quoted(`${name}=${value}`));
  return words.join(" ");
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const capitalized = (name: string): string =>
  name.replaceAll(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
