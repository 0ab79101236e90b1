import { type Cast, refresh, refusalAtGateway, signIn, withToken } from "./person.ts";
import type { Stage } from "./stage.ts";
import type { Scene, Story } from "./story.ts";

type Listed = { readonly id: string; readonly current?: boolean };

const listedIn = (json: Readonly<Record<string, unknown>>) => (json["data"] ?? []) as readonly Listed[];

/** Where somebody is signed in, as they see it, and how they end one session from another. */
export async function tellSessions(story: Story, stage: Stage, { route, person }: Cast): Promise<void> {
  await story.step("They see where they are signed in, and end one session from another", async (scene) => {
    const here = await signIn(scene, stage, person, "quietly");
    const lost = await signIn(scene, stage, person, "quietly");
    const listed = await stage.aloud(scene, stage.asPerson("GET", "/sessions", here));
    const sessions = listedIn(listed.json);
    scene.expect(sessions.length >= 2, "both sessions are listed", listed);
    scene.expect(
      sessions.find(({ current }) => current)?.id === here.sessionId,
      "and which one asks",
      listed,
    );
    const ended = await stage.aloud(scene, stage.asPerson("DELETE", `/sessions/${lost.sessionId}`, here));
    scene.expect(ended.status === 204, "the other one is ended", ended);
    await refusalAtGateway(scene, stage, route, lost);
    const gone = await stage.quietly(stage.auth("/refresh", { refresh_token: lost.refresh }));
    scene.expect(gone.json["error"] === "invalid_grant", "its refresh token is dead", gone);
    const stays = await stage.quietly({ url: route.url, headers: withToken(here) });
    scene.expect(stays.status === 200, "this one stays", stays);
    scene.proves("a lost phone is signed out from any other device, and its tokens stop at the gateway.");
  });
}

/** An operator's ways: somebody is found, thrown out of everything, stopped, and let in again. */
export async function tellForcedLogout(story: Story, stage: Stage, cast: Cast): Promise<void> {
  await story.step("An operator signs somebody out, disables and enables them", async (scene) => {
    const { route, person } = cast;
    const tokens = await signIn(scene, stage, person, "quietly");
    const id = await idOf(scene, stage, person.email);
    const members = ["effective_everywhere_by"];
    const out = await stage.aloud(scene, stage.manage("POST", `/users/${id}/logout`), { members });
    scene.expect(out.status === 200, "every session is ended", out);
    await refusalAtGateway(scene, stage, route, tokens);
    const disabled = await stage.aloud(scene, stage.manage("PATCH", `/users/${id}`, { enabled: false }), {
      members: ["state", ...members],
    });
    scene.expect(disabled.json["state"] === "disabled", "the account is disabled", disabled);
    const stopped = await stage.quietly(stage.auth("/login", person));
    scene.expect(stopped.json["error"] === "account_disabled", "with it nobody signs in", stopped);
    const enabled = await stage.quietly(stage.manage("PATCH", `/users/${id}`, { enabled: true }));
    scene.expect(enabled.json["state"] === "active", "and enabled again", enabled);
    const back = await signIn(scene, stage, person, "quietly");
    await refresh(scene, stage, back, "quietly");
    const passed = await stage.quietly({ url: route.url, headers: withToken(back) });
    scene.expect(passed.status === 200, "whoever signs in again is in", passed);
    scene.proves("one call throws a person out everywhere, and says by when every gateway knows.");
  });
}

async function idOf(scene: Scene, stage: Stage, email: string): Promise<string> {
  const asked = stage.manage("GET", `/users?email=${encodeURIComponent(email)}`);
  const found = await stage.aloud(scene, asked);
  const [user] = listedIn(found.json);
  scene.expect(user !== undefined, "the person is found by the address", found);
  scene.expect(!/hash|argon2/i.test(found.text), "without a hash", found);
  return user?.id ?? "";
}
