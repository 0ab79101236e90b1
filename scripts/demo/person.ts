import type { Answered, Caller } from "./caller.ts";
import type { Stage } from "./stage.ts";
import type { Scene } from "./story.ts";

export type Person = { readonly email: string; readonly password: string };
export type Tokens = { readonly access: string; readonly refresh: string; readonly sessionId: string };

export const withToken = ({ access }: Pick<Tokens, "access">) => ({ authorization: `Bearer ${access}` });

/** The tokens of an answer, kept from being shown whole. */
export function tokensIn(scene: Scene, { json }: Answered): Tokens {
  const access = String(json["access_token"]);
  const refresh = String(json["refresh_token"]);
  scene.keepSecret(access);
  scene.keepSecret(refresh);
  return { access, refresh, sessionId: String(json["session_id"]) };
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
