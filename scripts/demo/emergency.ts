import { decodeProtectedHeader } from "jose";
import { type Cast, refresh, refusalAtGateway, signIn, type Tokens, withToken } from "./person.ts";
import type { Stage } from "./stage.ts";
import type { Story } from "./story.ts";

const kidOf = ({ access }: Tokens): string => decodeProtectedHeader(access).kid ?? "no kid";

/** The key that signs access tokens was stolen: it is killed, and people hardly notice. */
export async function tellEmergency(story: Story, stage: Stage, { route, person }: Cast): Promise<void> {
  await story.step("A signing key is compromised, and killed", async (scene) => {
    const before = await signIn(scene, stage, person, "quietly");
    const passed = await stage.quietly({ url: route.url, headers: withToken(before) });
    scene.expect(passed.status === 200, "its token passes before", passed);
    const kid = kidOf(before);
    const asked = stage.manage("POST", "/signing-keys/rotate", { compromised: kid });
    const killed = await stage.aloud(scene, asked, { members: ["killed"] });
    scene.expect(killed.status === 200, "the key is killed", killed);
    await refusalAtGateway(scene, stage, route, before);
    const published = await stage.quietly({ url: `${stage.url}/.well-known/jwks.json` });
    scene.expect(!published.text.includes(kid), "the key set holds it no more", published);
    const after = await refresh(scene, stage, before, "quietly");
    scene.note(`refreshed: signed by ${kidOf(after)}`);
    scene.expect(kidOf(after) !== kid, "another key signs");
    const again = await stage.quietly({ url: route.url, headers: withToken(after) });
    scene.expect(again.status === 200, "and its token passes", again);
    scene.proves(
      "whatever the thief signs is refused; sessions go on with one refresh, nobody has to sign in again.",
    );
  });
}
