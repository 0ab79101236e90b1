import { type Key, type Stage, withKey } from "./stage.ts";
import type { Story } from "./story.ts";

/** For those who do not let Gatehouse pass the call on, but ask it. */
export async function tellQuestions(story: Story, stage: Stage, { key }: { key: Key }): Promise<void> {
  await story.step("Another proxy asks before it passes a call on (forward-auth)", async (scene) => {
    const url = `${stage.url}/v1/authenticate?scopes=orders.read`;
    const call = { "x-original-method": "GET", "x-original-uri": "/orders/42" };
    const identity = { headers: ["x-user-id", "x-client-id", "x-auth-method"] };
    const admitted = await stage.aloud(scene, { url, headers: { ...withKey(key.key), ...call } }, identity);
    scene.expect(admitted.status === 200, "a good key is admitted", admitted);
    scene.expect(admitted.headers["x-client-id"] === key.id, "the identity is there to be copied", admitted);
    const missing = await stage.aloud(scene, { url, headers: call });
    scene.expect(missing.status === 401, "no credential is 401", missing);
    const wrong = await stage.aloud(scene, {
      url: `${stage.url}/v1/authenticate?scopes=orders.write`,
      headers: { ...withKey(key.key), ...call },
    });
    scene.expect(wrong.status === 403, "a missing scope is 403", wrong);
    scene.proves("nginx, Traefik, Caddy and Envoy get the same decision, and the headers to hand on.");
  });

  await story.step("A service asks about a key it was shown", async (scene) => {
    const asks = (body: object) => ({
      ...stage.manage("POST", "", body),
      url: `${stage.url}/v1/keys/verify`,
    });
    const members = ["valid", "code", "key_id", "owner", "scopes"];
    const valid = await stage.aloud(scene, asks({ key: key.key, scopes: ["orders.read"] }), { members });
    scene.expect(valid.status === 200 && valid.json["valid"] === true, "the key is valid", valid);
    scene.expect(valid.json["key_id"] === key.id, "and is named by its id", valid);
    const narrow = await stage.aloud(scene, asks({ key: key.key, scopes: ["orders.write"] }), { members });
    scene.expect(narrow.status === 200, "the question is answered", narrow);
    scene.expect(narrow.json["code"] === "insufficient_scope", "with the precise reason", narrow);
    scene.proves(
      "who is entitled to ask learns exactly why, with 200; the caller at the gateway never does.",
    );
  });
}
