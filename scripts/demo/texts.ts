import { beginSignIn, type Mailbox, type Person, prove, type Tokens } from "./person.ts";
import type { Stage } from "./stage.ts";
import type { Story } from "./story.ts";

/** A telephone beside the app: set up, used once, and told when it is taken away again. */
export async function tellTexts(
  story: Story,
  stage: Stage,
  { person, strong, mailbox }: { person: Person; strong: Tokens; mailbox: Mailbox },
): Promise<void> {
  await story.step("A telephone stands beside the app, and its code opens one sign-in", async (scene) => {
    const number = `+4915${String(crypto.getRandomValues(new Uint32Array(1))[0])
      .padStart(10, "0")
      .slice(0, 9)}`;
    const begin = stage.asPerson("POST", "/mfa/sms", strong, { number });
    const begun = await stage.aloud(scene, begin);
    scene.expect(begun.status === 201, "a code goes to the number", begun);
    const confirm = { id: String(begun.json["id"]), code: (await mailbox.codeTo(number)) ?? "" };
    const confirmed = await stage.aloud(scene, stage.asPerson("POST", "/mfa/sms/confirm", strong, confirm));
    scene.expect(confirmed.status === 204, "which confirms it", confirmed);

    const mfaToken = await beginSignIn(scene, stage, person, "quietly");
    const sent = await stage.aloud(scene, stage.auth("/mfa/sms/send", { mfa_token: mfaToken }));
    scene.expect(sent.status === 202, "a code is sent for this sign-in", sent);
    const code = (await mailbox.codeTo(number)) ?? "";
    const other = await beginSignIn(scene, stage, person, "quietly");
    const moved = await prove(scene, stage, { mfa_token: other, factor: "sms", code });
    scene.expect(moved.answer.json["error"] === "invalid_code", "it opens no other sign-in", moved.answer);
    const { answer } = await prove(scene, stage, { mfa_token: mfaToken, factor: "sms", code });
    scene.expect(answer.status === 200, "it opens the one that asked", answer);

    const gone = stage.asPerson("DELETE", `/mfa/factors/${confirm.id}`, strong);
    const removed = await stage.aloud(scene, gone);
    scene.expect(removed.status === 204, "the telephone is taken away", removed);
    scene.expect(await mailbox.isToldGone(number), "and is told by text, beside the mail");
    scene.proves("a code opens the sign-in that asked for it and no other; who loses a number hears of it.");
  });
}
