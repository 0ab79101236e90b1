import type { Answered, Caller } from "./caller.ts";
import type { Route, Stage } from "./stage.ts";
import type { Scene } from "./story.ts";

export type Person = { readonly email: string; readonly password: string };
export type Cast = { readonly route: Route; readonly person: Person };
export type Tokens = { readonly access: string; readonly refresh: string; readonly sessionId: string };

export const withToken = ({ access }: Pick<Tokens, "access">) => ({ authorization: `Bearer ${access}` });

/** The tokens of an answer, kept from being shown whole. */
export function tokensIn(scene: Scene, { json }: Answered): Tokens {
  const tokens = {
    access: String(json["access_token"]),
    refresh: String(json["refresh_token"]),
    sessionId: String(json["session_id"]),
  };
  scene.keepSecret(tokens.access);
  scene.keepSecret(tokens.refresh);
  return tokens;
}

export async function signIn(
  scene: Scene,
  stage: Stage,
  person: Person,
  how: "aloud" | "quietly",
): Promise<Tokens> {
  const asked = stage.auth("/login", { ...person, refresh_in_body: true });
  const answer = await stage.quietly(asked);
  scene.expect(answer.status === 200, "they are signed in", answer);
  const tokens = tokensIn(scene, answer);
  if (how === "aloud") scene.show(asked, answer);
  return tokens;
}

export async function refresh(
  scene: Scene,
  stage: Stage,
  { refresh: token }: Tokens,
  how: "aloud" | "quietly" = "aloud",
): Promise<Tokens> {
  const asked = stage.auth("/refresh", { refresh_token: token });
  const answer = await stage.quietly(asked);
  scene.expect(answer.status === 200, "the session is refreshed", answer);
  const tokens = tokensIn(scene, answer);
  if (how === "aloud") scene.show(asked, answer);
  return tokens;
}

/** A sign-in that waits for its second factor. */
export async function beginSignIn(scene: Scene, stage: Stage, person: Person, how: "aloud" | "quietly") {
  const asked = stage.auth("/login", { ...person, refresh_in_body: true });
  const due = await stage.quietly(asked);
  const token = String(due.json["mfa_token"]);
  scene.keepSecret(token);
  scene.expect(due.json["mfa_required"] === true, "the password alone gives no token", due);
  scene.expect(!("access_token" in due.json), "not beside the question either", due);
  if (how === "aloud") scene.show(asked, due);
  return token;
}

/** Shows a factor; the tokens, if any, are kept from being shown whole. */
export async function prove(
  scene: Scene,
  stage: Stage,
  shown: Readonly<Record<string, string>>,
): Promise<{ answer: Answered; tokens: Tokens }> {
  const asked = stage.auth("/mfa/verify", shown);
  const answer = await stage.quietly(asked);
  const tokens =
    answer.status === 200 ? tokensIn(scene, answer) : { access: "none", refresh: "none", sessionId: "none" };
  scene.show(asked, answer);
  return { answer, tokens };
}

const boundMillisecondsMax = 300_000;
const afterwards = 10;

/** Calls until the token is refused, within what a revocation may take at the most, and then for good. */
export async function refusalAtGateway(
  scene: Scene,
  stage: Stage,
  route: Route,
  tokens: Tokens,
): Promise<void> {
  const asked = { url: route.url, headers: withToken(tokens) };
  const began = Date.now();
  let passed = 0;
  let answer: Answered = await stage.quietly(asked);
  while (answer.status === 200 && Date.now() - began < boundMillisecondsMax) {
    passed += 1;
    answer = await stage.quietly(asked);
  }
  scene.expect(answer.status === 401, "the gateway refuses the access token", answer);
  const felt = Date.now() - began;
  for (let call = 0; call < afterwards; call += 1) {
    const later = await stage.quietly(asked);
    scene.expect(later.status === 401, "once refused, it stays refused", later);
  }
  scene.note(`refused at the gateway after ${felt} ms, ${passed} calls passed`);
}

const triesMax = 100;

/** What the local stack keeps instead of sending it. */
export function createMailbox(url: string, caller: Caller) {
  /** What the newest message to somebody holds; null when none comes that does. */
  async function find(to: string, pattern: RegExp): Promise<string | null> {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const { text } = await caller.call({ url: `${url}/messages?to=${encodeURIComponent(to)}` });
      const [newest] = JSON.parse(text) as { text: string }[];
      const found = pattern.exec(newest?.text ?? "")?.[1];
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return null;
  }

  return {
    /** The secret of the link in a mail. */
    linkTo: (email: string) => find(email, /\?link=([0-9A-Za-z]+)/),
    codeTo: (number: string) => find(number, /^(\d{6}) /),
    isToldGone: async (number: string) => (await find(number, /(receives no sign-in codes)/)) !== null,
  };
}

export type Mailbox = ReturnType<typeof createMailbox>;
