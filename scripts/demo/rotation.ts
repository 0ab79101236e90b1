import { setTimeout as sleep } from "node:timers/promises";
import { type Key, type Route, type Stage, withKey } from "./stage.ts";
import type { Scene, Story } from "./story.ts";

const overlapSeconds = 2;
const loopsEach = 2;
const beforeMilliseconds = 300;
const afterMilliseconds = 400;

type Call = { readonly sentAt: number; readonly answeredAt: number; readonly status: number };

/** Calls without a pause until told to stop. A call that is not answered counts as status 0. */
function startLoad(stage: Stage, route: Route, key: Key) {
  const calls: Call[] = [];
  let isOver = false;
  async function loop(): Promise<void> {
    while (!isOver) {
      const sentAt = Date.now();
      const status = await stage.quietly({ url: route.url, headers: withKey(key.key) }).then(
        (answer) => answer.status,
        () => 0,
      );
      calls.push({ sentAt, answeredAt: Date.now(), status });
    }
  }
  const loops = Array.from({ length: loopsEach }, loop);
  return {
    async stop(): Promise<readonly Call[]> {
      isOver = true;
      await Promise.all(loops);
      return calls;
    },
  };
}

export async function tellRotation(story: Story, stage: Stage, { route }: { route: Route }): Promise<void> {
  await story.step("A key is rotated while it is in use without a pause", async (scene) => {
    const old = await stage.givenKey();
    const loadOnOld = startLoad(stage, route, old);
    await sleep(beforeMilliseconds);
    const asked = stage.manage("POST", `/keys/${old.id}/rotate`, { overlap_seconds: overlapSeconds });
    const rotated = await stage.aloud(scene, asked, { members: ["id", "key", "replaces"] });
    if (rotated.status !== 201) await loadOnOld.stop();
    scene.expect(rotated.status === 201, "the key is rotated", rotated);
    const loadOnNew = startLoad(stage, route, stage.keptKey(rotated));
    const { expires_at: end } = rotated.json["replaced"] as { expires_at: string };
    const endsAt = Date.parse(end);
    scene.note(`the old key works until ${end}`);
    await sleep(Math.max(0, endsAt + afterMilliseconds - Date.now()));
    const [onOld, onNew] = await Promise.all([loadOnOld.stop(), loadOnNew.stop()]);
    judge(scene, { onOld, onNew, endsAt });
    const refused = await stage.aloud(scene, { url: route.url, headers: withKey(old.key) });
    scene.expect(refused.status === 403, "after the overlap the old key is refused", refused);
    scene.proves(
      "callers move to the new key at their leisure; the old one dies by the clock, and nobody notices.",
    );
  });
}

function judge(
  scene: Scene,
  { onOld, onNew, endsAt }: { onOld: readonly Call[]; onNew: readonly Call[]; endsAt: number },
): void {
  // A call under way at the very end may go either way.
  const inTime = onOld.filter(({ answeredAt }) => answeredAt < endsAt);
  const late = onOld.filter(({ sentAt }) => sentAt >= endsAt);
  const good = [...inTime, ...onNew];
  const failed = good.filter(({ status }) => status !== 200);
  const outlived = late.filter(({ status }) => status !== 403);
  scene.note(
    `${good.length} calls through the whole rotation (${inTime.length} with the old key, ${onNew.length} with the new), ` +
      `${failed.length} failed; after the overlap ${late.length} with the old key, ${outlived.length} passed`,
  );
  scene.expect(inTime.length >= 20 && onNew.length >= 20, "there was load on both keys");
  scene.expect(failed.length === 0, `no call fails; ${failed.length} did, with ${String(failed[0]?.status)}`);
  scene.expect(late.length > 0 && outlived.length === 0, "the old key opens nothing after the overlap");
}
