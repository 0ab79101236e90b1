import { createHash, randomBytes } from "node:crypto";
import type { Answered } from "./caller.ts";
import { type Key, type Route, type Stage, withKey } from "./stage.ts";
import type { Scene, Story } from "./story.ts";

const afterwards = 20;

/** How keys end, and how keys from elsewhere begin. */
export async function tellEndings(story: Story, stage: Stage, { route }: { route: Route }): Promise<void> {
  const use = (key: Key) => ({ url: route.url, headers: withKey(key.key) });

  await story.step("A key is revoked", async (scene) => {
    const key = await stage.givenKey();
    const before = await stage.quietly(use(key));
    scene.expect(before.status === 200, "the key passes before", before);
    const revoked = await stage.aloud(scene, stage.manage("POST", `/keys/${key.id}/revoke`));
    scene.expect(revoked.status === 200, "the key is revoked", revoked);
    await refusalAfter(scene, stage, { key, route, revoked });
    const reason = await stage.quietly({
      ...stage.manage("POST", "", { key: key.key }),
      url: `${stage.url}/v1/keys/verify`,
    });
    scene.expect(reason.json["code"] === "revoked", "the verifier knows why", reason);
    scene.proves("a revocation says by when it is felt at every edge, and keeps its word.");
  });

  await story.step("Every key of an owner is revoked at once", async (scene) => {
    const owner = { type: "user" as const, id: stage.unique("leaver") };
    const keys = [
      await stage.givenKey({ owner }),
      await stage.givenKey({ owner }),
      await stage.givenKey({ owner, environment: "live" }),
    ];
    for (const key of keys) {
      const passed = await stage.quietly(use(key));
      scene.expect(passed.status === 200, "each key passes before", passed);
    }
    const revoked = await stage.aloud(scene, stage.manage("POST", `/owners/user/${owner.id}/revoke-keys`));
    scene.expect(revoked.status === 200, "they are revoked", revoked);
    const ids = (revoked.json["key_ids"] ?? []) as string[];
    scene.expect(
      keys.every(({ id }) => ids.includes(id)) && ids.length === 3,
      "all three are named",
      revoked,
    );
    for (const key of keys) await refusalAfter(scene, stage, { key, route, revoked });
    scene.proves("when somebody leaves, one call ends all their keys.");
  });

  await story.step("A key made elsewhere is taken over by its hash", async (scene) => {
    const text = `legacy_${randomBytes(24).toString("hex")}`;
    scene.keepSecret(text);
    const owner = stage.unique("user");
    const entry = {
      ...stage.keyDraft({ owner: { type: "user", id: owner } }),
      sha256: createHash("sha256").update(text).digest("hex"),
      prefix: "legacy_",
    };
    const asked = stage.manage("POST", "/keys/import", { keys: [entry] });
    const imported = await stage.aloud(scene, asked);
    scene.expect(
      imported.status === 201,
      "the key is imported (IMPORTED_KEY_PREFIXES holds legacy_)",
      imported,
    );
    const [record] = imported.json["data"] as { id: string }[];
    stage.keep(record?.id ?? "");
    const passed = await stage.aloud(scene, { url: route.url, headers: withKey(text) });
    scene.expect(passed.status === 200, "the old key opens the door", passed);
    scene.expect(stage.upstream.last()?.headers["x-user-id"] === owner, "as its owner");
    const again = await stage.quietly(asked);
    scene.expect(again.status === 409, "importing it twice is refused", again);
    scene.proves("customers keep their keys through a migration, and nobody had to hand over a secret.");
  });
}

/** Calls until the key is refused: at the latest when the revocation said so, and then for good. */
async function refusalAfter(
  scene: Scene,
  stage: Stage,
  { key, route, revoked }: { key: Key; route: Route; revoked: Answered },
): Promise<void> {
  const revokedAt = Date.parse(String(revoked.json["revoked_at"]));
  const promisedAt = Date.parse(String(revoked.json["effective_everywhere_by"]));
  scene.expect(promisedAt >= revokedAt, "the revocation says by when it is felt", revoked);
  const asked = { url: route.url, headers: withKey(key.key) };
  let passed = 0;
  let sentAt = Date.now();
  let answer = await stage.quietly(asked);
  while (answer.status === 200) {
    scene.expect(sentAt <= promisedAt, "nothing passes after effective_everywhere_by", answer);
    passed += 1;
    sentAt = Date.now();
    answer = await stage.quietly(asked);
  }
  const felt = Date.now() - revokedAt;
  scene.expect(answer.status === 403, "the key is refused", answer);
  scene.expect(answer.json["error"] === "Invalid API Key", "the caller is not told why", answer);
  for (let call = 0; call < afterwards; call += 1) {
    const later = await stage.quietly(asked);
    scene.expect(later.status === 403, "once refused, it stays refused", later);
  }
  scene.show(asked, answer);
  scene.note(
    `refused ${felt} ms after revoked_at, ${passed} calls passed; promised: ${promisedAt - revokedAt} ms`,
  );
}
