import { base62OfNumber, randomBase62 } from "../../src/crypto/base62.ts";
import { crc32 } from "../../src/crypto/crc32.ts";
import { type Key, type Route, type Stage, withKey } from "./stage.ts";
import type { Story } from "./story.ts";

/** A key with the right shape and checksum, made without the secret that tags ours. */
function forgedKey(): string {
  const body = `gk_live_${randomBase62(54)}`;
  return body + base62OfNumber(crc32(body), 6);
}

/** Everything that must not pass, and what the caller learns of it. */
export async function tellRefusals(story: Story, stage: Stage, { route, key }: { route: Route; key: Key }) {
  const { upstream } = stage;

  await story.step("No key, a mistyped key, a forged key", async (scene) => {
    const before = upstream.count();
    const missing = await stage.aloud(scene, { url: route.url });
    scene.expect(missing.status === 401, "a call without a key is 401", missing);
    scene.expect(missing.json["error"] === "Missing API Key", "it says what is missing", missing);
    const typo = `${key.key.slice(0, -1)}${key.key.endsWith("A") ? "B" : "A"}`;
    const mistyped = await stage.aloud(scene, { url: route.url, headers: withKey(typo) });
    const forged = await stage.aloud(scene, { url: route.url, headers: withKey(forgedKey()) });
    for (const refused of [mistyped, forged]) {
      scene.expect(refused.status === 403, "a key that is not ours is 403", refused);
      scene.expect(refused.json["error"] === "Invalid API Key", "it says no more than that", refused);
    }
    scene.expect(upstream.count() === before, "the upstream saw none of it");
    scene.proves("whatever is not a key of ours is refused alike: the answer tells a guesser nothing.");
  });

  await story.step("A scope the key does not have", async (scene) => {
    const guarded = await stage.givenRoute({ scopes: ["orders.write"] });
    const refused = await stage.aloud(scene, { url: guarded.url, headers: withKey(key.key) });
    scene.expect(refused.status === 403, "the call is refused", refused);
    scene.expect(refused.json["error"] === "insufficient_scope", "for its scope", refused);
    const challenge = refused.headers["www-authenticate"] ?? "";
    scene.expect(challenge.includes('scope="orders.write"'), "the challenge names the scope needed", refused);
    scene.proves("a route asks for scopes, and says which one was missing.");
  });

  await story.step("A key used from the wrong address", async (scene) => {
    const bound = await stage.givenKey({ allowed_addresses: ["203.0.113.0/24"] });
    const refused = await stage.aloud(scene, { url: route.url, headers: withKey(bound.key) });
    scene.expect(refused.status === 403, "the call is refused", refused);
    scene.expect(refused.json["error"] === "address_not_allowed", "for its address", refused);
    const here = await stage.givenKey({ allowed_addresses: ["127.0.0.0/8", "::1"] });
    const passed = await stage.aloud(scene, { url: route.url, headers: withKey(here.key) });
    scene.expect(passed.status === 200, "from an allowed address the same call passes", passed);
    scene.proves("a key may be bound to networks; a stolen one is of no use elsewhere.");
  });

  await tellCredentialHygiene(story, stage, { route, key });
}

async function tellCredentialHygiene(story: Story, stage: Stage, { route, key }: { route: Route; key: Key }) {
  await story.step("A key in a URL", async (scene) => {
    const leaked = await stage.givenKey();
    const refused = await stage.aloud(scene, { url: `${route.url}?api_key=${leaked.key}` });
    scene.expect(refused.status === 400, "the call is refused", refused);
    scene.expect(refused.json["error"] === "credentials_in_url", "for the place of its credential", refused);
    const record = stage.manage("GET", `/keys/${leaked.id}`);
    const exposed = await until(async () => (await stage.quietly(record)).json["exposed_at"] ?? null);
    scene.note(`exposed_at: ${exposed}`);
    scene.expect(exposed !== null, "the record says that the key was exposed");
    scene.proves(
      "a URL ends up in logs: the call is refused although the key is good, and the key is flagged.",
    );
  });

  await story.step("Two credentials at once", async (scene) => {
    const other = await stage.givenKey();
    const headers = { ...withKey(key.key), authorization: `Bearer ${other.key}` };
    const refused = await stage.aloud(scene, { url: route.url, headers });
    scene.expect(refused.status === 400, "the call is refused", refused);
    scene.expect(refused.json["error"] === "several_credentials", "for having two", refused);
    scene.proves("which of two credentials counts is never guessed.");
  });

  await story.step("Identity headers that a client makes up", async (scene) => {
    const headers = {
      ...withKey(key.key),
      "x-user-id": "admin",
      x_user_id: "admin",
      "X-Gatehouse-Identity": "admin",
      connection: "keep-alive, x-user-id",
    };
    const passed = await stage.aloud(scene, { url: route.url, headers });
    scene.expect(passed.status === 200, "the call passes", passed);
    const raw = stage.upstream.last()?.raw ?? [];
    const said = raw.filter((_, at) => at % 2 === 0 && /^x.user.id$/i.test(raw[at] ?? ""));
    scene.note(`the upstream saw ${said.join(", ")}: ${stage.upstream.last()?.headers["x-user-id"]}`);
    scene.expect(said.length === 1 && said[0]?.toLowerCase() === "x-user-id", "one user is named, by us");
    scene.expect(!raw.includes("admin"), "nothing that the client made up arrives");
    scene.proves("neither a look-alike nor Connection gets an identity past the gateway or takes ours away.");
  });
}

/** What is written behind an answer is there a moment later. */
async function until<Value>(find: () => Promise<Value | null>): Promise<Value | null> {
  for (let tries = 0; tries < 60; tries += 1) {
    const found = await find();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return null;
}
