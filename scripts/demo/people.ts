import { randomBase62 } from "../../src/crypto/base62.ts";
import { tellEmergency } from "./emergency.ts";
import { tellFactors } from "./factors.ts";
import {
  type Cast,
  type Mailbox,
  refresh,
  refusalAtGateway,
  signIn,
  type Tokens,
  withToken,
} from "./person.ts";
import { tellForcedLogout, tellSessions } from "./sessions.ts";
import type { Stage } from "./stage.ts";
import type { Story } from "./story.ts";

/** People: registered, signed in, known to a service behind, and out again when somebody says so. */
export async function tellPeople(story: Story, stage: Stage, mailbox: Mailbox): Promise<void> {
  const route = await stage.givenRoute({ credentials: ["access-token"] });
  const person = { email: `${stage.unique("person")}@example.com`, password: randomBase62(24) };
  await tellRegistration(story, stage, { route, person }, mailbox);
  const tokens = await tellSignIn(story, stage, { route, person });
  const newest = await tellRefresh(story, stage, tokens);
  await tellTheft(story, stage, { route, person }, { stolen: tokens, newest });
  await tellSessions(story, stage, { route, person });
  await tellFactors(story, stage, mailbox);
  await tellKeyRotation(story, stage, { route, person });
  await tellEmergency(story, stage, { route, person });
  await tellEverywhere(story, stage, { route, person });
  await tellForcedLogout(story, stage, { route, person });
}

async function tellRegistration(
  story: Story,
  stage: Stage,
  { person }: Cast,
  mailbox: Mailbox,
): Promise<void> {
  await story.step("Somebody registers and confirms the address", async (scene) => {
    scene.keepSecret(person.password);
    const registered = await stage.aloud(scene, stage.auth("/register", person));
    scene.expect(registered.status === 202, "the registration is taken", registered);
    const early = await stage.quietly(stage.auth("/login", person));
    scene.expect(early.json["error"] === "invalid_credentials", "nobody is in before the mail", early);
    const link = await mailbox.linkTo(person.email);
    scene.expect(link !== null, "a mail with a link comes into the mailbox");
    scene.keepSecret(link ?? "");
    const confirmed = await stage.aloud(scene, stage.auth("/verify-email", { link }));
    scene.expect(confirmed.status === 204, "the link confirms the address", confirmed);
    stage.keepPerson(person);
    const twice = await stage.quietly(stage.auth("/verify-email", { link }));
    scene.expect(twice.json["error"] === "link_invalid", "it does so once", twice);
    scene.proves("an account begins with a mail that was read; the answer before tells nobody who is known.");
  });
}

async function tellSignIn(story: Story, stage: Stage, { route, person }: Cast): Promise<Tokens> {
  return await story.step("They sign in, and a service behind the gateway knows who calls", async (scene) => {
    const tokens = await signIn(scene, stage, person, "aloud");
    const passed = await stage.aloud(scene, { url: `${route.url}/orders/42`, headers: withToken(tokens) });
    scene.expect(passed.status === 200, "the call passes", passed);
    const { headers = {}, raw = [] } = stage.upstream.last() ?? {};
    for (const name of ["x-user-id", "x-session-id", "x-auth-method", "x-auth-level"])
      scene.note(`  ${name}: ${headers[name]}`);
    scene.expect(/^usr_/.test(headers["x-user-id"] ?? ""), "the upstream is told the person");
    scene.expect(headers["x-session-id"] === tokens.sessionId, "and the session");
    scene.expect(!raw.some((text) => text.includes(tokens.access)), "the token ends at the gateway");
    const none = await stage.quietly({ url: route.url });
    scene.expect(none.status === 401, "without a token nobody passes", none);
    scene.proves("people and keys come through the same gate, each as who they are.");
    return tokens;
  });
}

async function tellRefresh(story: Story, stage: Stage, first: Tokens): Promise<Tokens> {
  return await story.step(
    "The session goes on by refreshing, and a lost answer costs nothing",
    async (scene) => {
      const second = await refresh(scene, stage, first);
      scene.expect(second.refresh !== first.refresh, "each use gives another refresh token");
      const retried = await refresh(scene, stage, first);
      scene.expect(retried.refresh === second.refresh, "a retry gets the identical refresh token");
      scene.note("the second was the first request once more: the identical refresh token");
      scene.proves("a client that never saw the answer asks again, and is not taken for a thief.");
      return await refresh(scene, stage, second);
    },
  );
}

async function tellTheft(
  story: Story,
  stage: Stage,
  { route, person }: Cast,
  { stolen, newest }: { stolen: Tokens; newest: Tokens },
): Promise<void> {
  await story.step("A thief replays an old refresh token", async (scene) => {
    const other = await signIn(scene, stage, person, "quietly");
    const asked = stage.auth("/refresh", { refresh_token: stolen.refresh });
    const thief = await stage.aloud(scene, asked);
    scene.expect(thief.json["error"] === "invalid_grant", "the thief gets nothing", thief);
    const owner = await stage.quietly(stage.auth("/refresh", { refresh_token: newest.refresh }));
    scene.expect(owner.json["error"] === "invalid_grant", "the session is over for its owner too", owner);
    await refusalAtGateway(scene, stage, route, newest);
    const elsewhere = await stage.quietly({ url: route.url, headers: withToken(other) });
    scene.expect(elsewhere.status === 200, "the owner's other session goes on", elsewhere);
    const listed = await stage.aloud(scene, stage.asPerson("GET", "/sessions", other));
    const ids = ((listed.json["data"] ?? []) as { id: string }[]).map(({ id }) => id);
    scene.expect(ids.join() === other.sessionId, "the list shows that one session", listed);
    scene.proves("a stolen refresh token ends the one session it came from, for both, and no other.");
  });
}

async function tellKeyRotation(story: Story, stage: Stage, { route, person }: Cast): Promise<void> {
  await story.step("Signing keys hand over while tokens are in use", async (scene) => {
    const before = await signIn(scene, stage, person, "quietly");
    const members = ["signing", "leaving", "error", "detail"];
    const rotated = await stage.aloud(scene, stage.manage("POST", "/signing-keys/rotate", {}), { members });
    // Asked again before every verifier can have seen the next key, it says so and changes nothing.
    const isDecided = rotated.status === 200 || rotated.status === 409;
    scene.expect(isDecided, "the hand-over is begun, or refused as too soon", rotated);
    const passed = await stage.aloud(scene, { url: route.url, headers: withToken(before) });
    scene.expect(passed.status === 200, "a token from before passes", passed);
    const after = await refresh(scene, stage, before, "quietly");
    const late = await stage.quietly({ url: route.url, headers: withToken(after) });
    scene.expect(late.status === 200, "and one from after", late);
    scene.proves(
      rotated.status === 200
        ? "the next key signs once every verifier has seen it; nobody is signed out."
        : "a hand-over that would break verifiers is refused with its reason; nobody is signed out.",
    );
  });
}

async function tellEverywhere(story: Story, stage: Stage, { route, person }: Cast): Promise<void> {
  await story.step("They sign out everywhere", async (scene) => {
    const here = await signIn(scene, stage, person, "quietly");
    const there = await signIn(scene, stage, person, "quietly");
    for (const tokens of [here, there]) {
      const passed = await stage.quietly({ url: route.url, headers: withToken(tokens) });
      scene.expect(passed.status === 200, "each session passes before", passed);
    }
    const out = await stage.aloud(scene, stage.asPerson("POST", "/logout-everywhere", here));
    scene.expect(out.status === 204, "every session is ended", out);
    for (const tokens of [here, there]) {
      await refusalAtGateway(scene, stage, route, tokens);
      const asked = stage.auth("/refresh", { refresh_token: tokens.refresh });
      const refused = await stage.quietly(asked);
      scene.expect(refused.json["error"] === "invalid_grant", "no refresh token lives on", refused);
    }
    const again = await signIn(scene, stage, person, "quietly");
    const passed = await stage.quietly({ url: route.url, headers: withToken(again) });
    scene.expect(passed.status === 200, "whoever signs in again is in", passed);
    scene.proves("tokens that nobody can call back are refused at the gateway, before they expire.");
  });
}
