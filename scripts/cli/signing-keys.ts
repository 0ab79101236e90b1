import type { Call, Command } from "./command.ts";
import { said } from "./command.ts";
import { callManagement, type SigningKeyShown, type TimelineShown } from "./management-api.ts";
import { feltEverywhere, table, time } from "./presentation.ts";

export const signingKeyCommands: readonly Command[] = [
  {
    name: "signing-keys list",
    summary: "Lists the keys that tokens and identities are signed with, newest first",
    options: {},
    uses: ["listSigningKeys"],
    async run({ json, connection, say }) {
      const { text, value } = await callManagement(connection(), "listSigningKeys", {});
      const people = value.data.length === 0 ? "No signing keys yet." : keyTable(value.data);
      say(json ? text : people);
      return 0;
    },
  },
  {
    name: "signing-keys rotate",
    summary: "Hands over to the next signing keys as soon as every verifier has seen them",
    options: {
      compromised: { value: "KID", help: "ends this key at once, and every token it signed" },
    },
    note: `Keys rotate by themselves; this is for doing it sooner. What would break verifiers is refused, with the reason.
With --compromised nothing is refused: the answer says what breaks, and until when.`,
    uses: ["rotateSigningKeys"],
    run: rotate,
  },
];

async function rotate({ given, json, connection, say, now }: Call): Promise<number> {
  const body = said({ compromised: given.text("compromised") });
  const { text, value } = await callManagement(connection(), "rotateSigningKeys", { body });
  say(json ? text : timelineText(value, now()));
  return 0;
}

const keyTable = (keys: readonly SigningKeyShown[]): string =>
  table(
    ["KID", "PURPOSE", "ALGORITHM", "STATE", "SIGNS FROM", "SIGNS UNTIL", "PUBLISHED UNTIL"],
    keys.map((key) => [
      key.kid,
      key.purpose,
      key.algorithm,
      key.private_key_readable || isOver(key) ? key.state : `${key.state}, unreadable`,
      time(key.signs_from),
      time(key.signs_until),
      time(key.published_until),
    ]),
  );

/** Its private half is destroyed on purpose. */
const isOver = ({ state }: SigningKeyShown): boolean => state === "gone" || state === "killed";

function timelineText({ killed, signing, leaving }: TimelineShown, now: number): string {
  const lines = signing.map(
    (key) =>
      `${key.kid} (${key.purpose}, ${key.algorithm}) signs from ${time(key.signs_from)}.` +
      (key.may_be_refused_until === null
        ? ""
        : ` Verifiers with an older key set may refuse its tokens until ${time(key.may_be_refused_until)}.`),
  );
  for (const key of leaving) {
    lines.push(
      `${key.kid} signs until ${time(key.signs_until)} and is published until ${time(key.published_until)}.`,
    );
  }
  if (!killed) return lines.join("\n");
  const elsewhere = time(killed.trusted_elsewhere_until);
  return [
    `${killed.kid} is killed since ${killed.killed_at}; every token it signed is refused.`,
    `A verifier that only reads the key set may trust it until ${elsewhere}.`,
    ...lines,
    feltEverywhere(killed, now),
  ].join("\n");
}
