import type { Answered } from "./caller.ts";
import { type Key, type Route, type Stage, withKey } from "./stage.ts";
import type { Story } from "./story.ts";

/** What is left of a limit, as the RateLimit header says it. */
function remaining({ headers }: Answered, limit: string): number {
  const found = new RegExp(`"${limit}";r=(\\d+)`).exec(String(headers["ratelimit"] ?? ""));
  return found ? Number(found[1]) : Number.NaN;
}

export async function tellLimits(story: Story, stage: Stage, { route }: { route: Route }): Promise<void> {
  const use = (key: Key, at: Route = route) => ({ url: at.url, headers: withKey(key.key) });

  await story.step("A key over its limit", async (scene) => {
    const key = await stage.givenKey({ limits: [{ name: "per-minute", limit: 3, window_seconds: 60 }] });
    for (let call = 1; call <= 3; call += 1) {
      const passed = await stage.quietly(use(key));
      scene.expect(passed.status === 200, `call ${call} of 3 passes`, passed);
    }
    const refused = await stage.aloud(scene, use(key));
    scene.expect(refused.status === 429, "the fourth call is refused", refused);
    const wait = Number(refused.headers["retry-after"]);
    scene.expect(wait >= 1 && wait <= 64, "Retry-After says when to come again", refused);
    scene.expect(
      refused.headers["ratelimit-policy"] === '"per-minute";q=3;w=60',
      "the policy is told",
      refused,
    );
    scene.expect(remaining(refused, "per-minute") === 0, "and that nothing is left", refused);
    scene.proves("three calls passed, the fourth is told what the limit is and when to come again.");
  });

  await story.step("Two limits on one call: all or nothing", async (scene) => {
    const key = await stage.givenKey({ limits: [{ name: "per-hour", limit: 10, window_seconds: 3600 }] });
    const tight = await stage.givenRoute({ limits: [{ name: "burst", limit: 2, window_seconds: 60 }] });
    for (let call = 1; call <= 2; call += 1) {
      const passed = await stage.quietly(use(key, tight));
      scene.expect(passed.status === 200, `call ${call} of 2 passes`, passed);
    }
    const refused = await stage.aloud(scene, use(key, tight));
    scene.expect(refused.status === 429, "the route's limit refuses the third call", refused);
    scene.expect(String(refused.json["violated-policies"]) === "burst", "and is named", refused);
    scene.expect(remaining(refused, "per-hour") === 8, "the key's own limit lost nothing to it", refused);
    const elsewhere = await stage.aloud(scene, use(key));
    scene.expect(elsewhere.status === 200, "another route lets the key in", elsewhere);
    scene.expect(remaining(elsewhere, "per-hour") === 7, "the refused call was not counted", elsewhere);
    scene.proves("a call that one limit refuses takes nothing from the others.");
  });

  await story.step("A rotated key and its successor on one limit", async (scene) => {
    const old = await stage.givenKey({ limits: [{ name: "per-minute", limit: 3, window_seconds: 60 }] });
    const first = await stage.quietly(use(old));
    scene.expect(remaining(first, "per-minute") === 2, "the old key takes one of three", first);
    const rotated = await stage.quietly(
      stage.manage("POST", `/keys/${old.id}/rotate`, { overlap_seconds: 60 }),
    );
    scene.expect(rotated.status === 201, "the key is rotated", rotated);
    const successor = stage.keptKey(rotated);
    const second = await stage.aloud(scene, use(successor));
    scene.expect(remaining(second, "per-minute") === 1, "the successor takes the second", second);
    const third = await stage.aloud(scene, use(old));
    scene.expect(remaining(third, "per-minute") === 0, "the old key the third", third);
    const refused = await stage.aloud(scene, use(successor));
    scene.expect(refused.status === 429, "and the successor finds nothing left", refused);
    scene.proves("rotating a key gives no second budget.");
  });
}
