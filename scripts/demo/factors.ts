import { TOTP } from "otpauth";
import { randomBase62 } from "../../src/crypto/base62.ts";
import { beginSignIn, type Cast, type Mailbox, prove, signIn, type Tokens, withToken } from "./person.ts";
import type { Stage } from "./stage.ts";
import type { Story } from "./story.ts";
import { tellTexts } from "./texts.ts";

const periodMilliseconds = 30_000;

type Equipped = Cast & { readonly weak: Tokens; readonly userId: string };
/** What an authenticator app shows, in which no code comes twice. */
type App = { readonly nextCode: () => string };

/** A second factor: set up, asked for, demanded by a route, replaced by a recovery code, and reset by an operator. */
export async function tellFactors(story: Story, stage: Stage, mailbox: Mailbox): Promise<void> {
  const route = await stage.givenRoute({ credentials: ["access-token"], level: "two-factor" });
  const person = { email: `${stage.unique("person")}@example.com`, password: randomBase62(24) };
  const { equipped, app } = await tellSetUp(story, stage, { route, person });
  const strong = await tellBoth(story, stage, equipped, app);
  await tellTexts(story, stage, { person, strong, mailbox });
  const codes = await tellRecoveryCodes(story, stage, strong);
  await tellStepUp(story, stage, equipped, codes[0] ?? "");
  await tellRecovery(story, stage, equipped, codes[1] ?? "");
  await tellReset(story, stage, equipped);
}

function createApp(secret: string): App {
  const totp = new TOTP({ secret });
  let last = 0;
  return {
    nextCode() {
      last = Math.max(last + 1, Math.floor(Date.now() / periodMilliseconds));
      return totp.generate({ timestamp: last * periodMilliseconds });
    },
  };
}

async function tellSetUp(
  story: Story,
  stage: Stage,
  { route, person }: Cast,
): Promise<{ equipped: Equipped; app: App }> {
  return await story.step("A person sets up an authenticator app", async (scene) => {
    scene.keepSecret(person.password);
    const made = await stage.quietly(stage.manage("POST", "/users", person));
    scene.expect(made.status === 201, "an operator makes the account", made);
    stage.keepPerson(person);
    const weak = await signIn(scene, stage, person, "quietly");
    const asked = stage.asPerson("POST", "/mfa/totp", weak, {});
    const begun = await stage.quietly(asked);
    scene.expect(begun.status === 201, "a secret is made", begun);
    const [id, secret] = [String(begun.json["id"]), String(begun.json["secret"])];
    scene.keepSecret(secret);
    scene.show(asked, begun, { members: ["id", "secret"] });
    await signIn(scene, stage, person, "quietly");
    scene.note("until a code of it was shown, the password alone signs in");
    const app = createApp(secret);
    const confirm = { id, code: app.nextCode() };
    const confirmed = await stage.aloud(scene, stage.asPerson("POST", "/mfa/totp/confirm", weak, confirm));
    scene.expect(confirmed.status === 204, "its code confirms it", confirmed);
    scene.proves("nobody is locked out by an app that was never scanned; the secret is shown this once.");
    return { equipped: { route, person, weak, userId: String(made.json["id"]) }, app };
  });
}

async function tellBoth(story: Story, stage: Stage, { route, person }: Cast, app: App): Promise<Tokens> {
  return await story.step("They sign in with both, and a code that was seen opens nothing", async (scene) => {
    const code = app.nextCode();
    const mfaToken = await beginSignIn(scene, stage, person, "aloud");
    const { answer, tokens } = await prove(scene, stage, { mfa_token: mfaToken, factor: "totp", code });
    scene.expect(answer.status === 200, "password and code sign in", answer);
    const passed = await stage.quietly({ url: route.url, headers: withToken(tokens) });
    scene.expect(passed.status === 200, "a route that demands two factors lets them in", passed);
    const level = stage.upstream.last()?.headers["x-auth-level"];
    scene.note(`  x-auth-level: ${level}`);
    scene.expect(level === "two-factor", "and the service is told how strongly they signed in");
    const again = await beginSignIn(scene, stage, person, "quietly");
    const replayed = await prove(scene, stage, { mfa_token: again, factor: "totp", code });
    scene.expect(replayed.answer.status === 401, "the same code is refused", replayed.answer);
    scene.expect(replayed.answer.json["error"] === "invalid_code", "as if wrong", replayed.answer);
    scene.proves("who looked over a shoulder has a password and a dead code.");
    return tokens;
  });
}

async function tellRecoveryCodes(story: Story, stage: Stage, strong: Tokens): Promise<string[]> {
  return await story.step("They keep recovery codes for the day the phone is gone", async (scene) => {
    const asked = stage.asPerson("POST", "/mfa/recovery-codes", strong, {});
    const made = await stage.quietly(asked);
    const codes = (made.json["codes"] ?? []) as string[];
    scene.expect(made.status === 201 && codes.length === 10, "ten codes are made", made);
    for (const code of codes) scene.keepSecret(code);
    scene.show(asked, made);
    const listed = await stage.aloud(scene, stage.asPerson("GET", "/mfa/factors", strong));
    scene.expect(
      codes.every((code) => !listed.text.includes(code)),
      "and never shown again",
      listed,
    );
    scene.proves("the codes are shown this once; what is kept of them opens nothing.");
    return codes;
  });
}

async function tellStepUp(story: Story, stage: Stage, { route, weak }: Equipped, code: string) {
  await story.step("A route demands two factors, and a session is raised to them", async (scene) => {
    const use = (shown: Tokens) => ({ url: route.url, headers: withToken(shown) });
    const refused = await stage.aloud(scene, use(weak));
    scene.expect(refused.status === 401, "a one-factor token does not pass", refused);
    scene.expect(refused.json["error"] === "insufficient_user_authentication", "and why", refused);
    const challenge = refused.headers["www-authenticate"] ?? "";
    scene.expect(
      challenge.includes('acr_values="two-factor"'),
      "the challenge says what to ask for",
      refused,
    );
    const asked = stage.asPerson("POST", "/mfa/step-up", weak, {});
    const due = await stage.quietly(asked);
    const mfaToken = String(due.json["mfa_token"]);
    scene.keepSecret(mfaToken);
    scene.show(asked, due);
    const proof = { mfa_token: mfaToken, factor: "recovery-codes", code };
    const { answer, tokens } = await prove(scene, stage, proof);
    scene.expect(answer.status === 200, "the session is raised", answer);
    const passed = await stage.aloud(scene, use(tokens));
    scene.expect(passed.status === 200, "its token passes", passed);
    scene.proves("a client learns what is missing and asks for just that (RFC 9470); nobody signs in anew.");
  });
}

async function tellRecovery(story: Story, stage: Stage, { person }: Cast, code: string): Promise<void> {
  await story.step("The phone is gone: a recovery code opens once", async (scene) => {
    const sign = async () => {
      const mfaToken = await beginSignIn(scene, stage, person, "quietly");
      return await prove(scene, stage, { mfa_token: mfaToken, factor: "recovery-codes", code });
    };
    const { answer, tokens } = await sign();
    scene.expect(answer.status === 200, "the code signs in", answer);
    const again = await sign();
    scene.expect(again.answer.json["error"] === "invalid_code", "and not again", again.answer);
    const listed = await stage.quietly(stage.asPerson("GET", "/mfa/factors", tokens));
    const factors = (listed.json["data"] ?? []) as { kind: string; codes_left?: number }[];
    const left = factors.find(({ kind }) => kind === "recovery-codes")?.codes_left;
    scene.note(`${left} codes are left`);
    scene.expect(left === 8, "two of ten are used up", listed);
    scene.proves("a lost phone locks nobody out, and a code on paper is worth one sign-in.");
  });
}

async function tellReset(story: Story, stage: Stage, { person, userId }: Equipped): Promise<void> {
  await story.step("Everything is gone: an operator resets the factors", async (scene) => {
    const listed = await stage.quietly(stage.manage("GET", `/users/${userId}/factors`));
    const kinds = ((listed.json["data"] ?? []) as { kind: string }[]).map(({ kind }) => kind);
    scene.expect(kinds.join() === "totp,recovery-codes", "the operator sees what there is", listed);
    const reset = await stage.aloud(scene, stage.manage("POST", `/users/${userId}/factors/reset`));
    scene.expect(reset.json["removed"] === 2, "both are removed", reset);
    await signIn(scene, stage, person, "aloud");
    scene.proves(
      "whoever proved themselves to an operator begins again with the password; a mail tells them.",
    );
  });
}
