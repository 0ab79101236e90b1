import type { EventShown } from "../cli/management-api.ts";
import { table } from "../cli/presentation.ts";
import { refusal } from "../stack/refusal.ts";
import type { Stage } from "./stage.ts";
import type { Scene, Story } from "./story.ts";

const expected = [
  "key.created",
  "key.imported",
  "key.rotated",
  "key.revoked",
  "key.exposed",
  "key.refused",
  "owner.keys_revoked",
  "access.refused",
  "limit.exceeded",
  "route.created",
  "account.created",
  "factor.added",
  "factor.refused",
  "factor.recovery_code_used",
  "factor.removed",
  "session.began",
  "session.ended",
  "refresh.replayed",
  "token.revoked",
  "client.created",
  "client.secret_rotated",
  "client.refused",
  "signing_key.killed",
];
const linesShown = 12;

export async function tellRecord(story: Story, stage: Stage, { since }: { since: Date }): Promise<void> {
  await story.step("What just happened, on record", async (scene) => {
    const { events, text } = await everyEvent(scene, stage, since);
    const types = new Set(events.map(({ type }) => type as string));
    const rows = oneOfEach(events).map(({ type, outcome, reason, subject, count }) => [
      type,
      outcome,
      reason ?? "",
      subject ? `${subject.type} ${subject.id}` : "",
      count > 1 ? `×${count}` : "",
    ]);
    const titles = ["EVENT", "OUTCOME", "REASON", "SUBJECT", "COUNT"];
    for (const line of table(titles, rows.slice(0, linesShown)).split("\n")) scene.note(line);
    scene.note(`${events.length} events of ${types.size} types since the demo began`);
    for (const type of expected) scene.expect(types.has(type), `${type} is on record`);
    scene.expect(
      !/gk_(?:live|test)_[0-9A-Za-z]{20}|legacy_[0-9a-f]{8}|gr_[0-9A-Za-z]{22}|eyJ[\w-]{8}/.test(text),
      "no event holds a secret",
    );
    scene.proves(
      "every change and every refusal is on record with who, what, why and from where, and no secret is.",
    );
  });
}

async function everyEvent(
  scene: Scene,
  stage: Stage,
  since: Date,
): Promise<{ events: EventShown[]; text: string }> {
  const events: EventShown[] = [];
  let text = "";
  let cursor = "";
  do {
    const query = `from=${since.toISOString()}&limit=200${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const asked = stage.manage("GET", `/audit?${query}`);
    const answer =
      cursor === ""
        ? await stage.aloud(scene, asked, { members: ["next_cursor"] })
        : await stage.quietly(asked);
    if (answer.status !== 200) throw refusal(`The audit list answered ${answer.status} ${answer.text}`);
    events.push(...(answer.json["data"] as EventShown[]));
    text += answer.text;
    cursor = String(answer.json["next_cursor"] ?? "");
  } while (cursor !== "");
  return { events, text };
}

/** The newest of each kind: a list to be read, not to be scrolled. */
function oneOfEach(events: readonly EventShown[]): EventShown[] {
  const kinds = new Map<string, EventShown>();
  for (const event of events) {
    const kind = `${event.type} ${event.reason}`;
    if (!kinds.has(kind)) kinds.set(kind, event);
  }
  return [...kinds.values()];
}
