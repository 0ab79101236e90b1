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
  return {
    /** The secret of the link in the newest mail to this address; null when none comes. */
    async linkTo(email: string): Promise<string | null> {
      for (let tries = 0; tries < triesMax; tries += 1) {
        const { text } = await caller.call({ url: `${url}/messages?to=${encodeURIComponent(email)}` });
        const [mail] = JSON.parse(text) as { text: string }[];
        const link = /\?link=([0-9A-Za-z]+)/.exec(mail?.text ?? "")?.[1];
        if (link !== undefined) return link;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return null;
    },
  };
}

export type Mailbox = ReturnType<typeof createMailbox>;
