import { endOf, parseOwner, parseSeconds } from "./arguments.ts";
import { type Call, type Command, said } from "./command.ts";
import { keyFields, lastUseOf } from "./key-view.ts";
import { callManagement } from "./management-api.ts";
import { feltEverywhere, listOf, secretOnce } from "./presentation.ts";

/** How a key ends: by a successor, or for ever. */
export const keyEndCommands: readonly Command[] = [
  {
    name: "keys rotate",
    operand: "ID",
    summary: "Makes the successor of a key; the old one lives on for the overlap",
    options: {
      overlap: { value: "TIME", help: "how long the old key still works, as 1h; up to 30d, 0 unless said" },
      expires: {
        value: "WHEN",
        help: "the successor's end: 30d from now, a time, or never; the old key's unless said",
      },
    },
    uses: ["rotateKey"],
    run: rotateKey,
  },
  {
    name: "keys revoke",
    operand: "ID",
    summary: "Ends a key for ever",
    options: {},
    uses: ["revokeKey"],
    async run({ given, json, connection, say, now }) {
      const asked = { params: { id: given.operand } };
      const { text, value } = await callManagement(connection(), "revokeKey", asked);
      const people = `${given.operand} is revoked since ${value.revoked_at}.\n${feltEverywhere(value, now())}`;
      say(json ? text : people);
      return 0;
    },
  },
  {
    name: "keys revoke-owner",
    operand: "TYPE:ID",
    summary: "Ends every key of an owner",
    options: {},
    uses: ["revokeOwnerKeys"],
    async run({ given, json, connection, say, now }) {
      const params = { ...parseOwner("revoke-owner", given.operand) };
      const { text, value } = await callManagement(connection(), "revokeOwnerKeys", { params });
      const count = value.key_ids.length;
      const ended =
        count === 0 ? " had no key left to revoke" : `: ${count} revoked, ${listOf(value.key_ids)}`;
      say(json ? text : `${given.operand}${ended}.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  },
  {
    name: "keys delete",
    operand: "ID",
    summary: "Ends a key and takes it out of the lists; audit keeps it",
    options: {},
    uses: ["deleteKey"],
    async run({ given, json, connection, say, now }) {
      const asked = { params: { id: given.operand } };
      const { text, value } = await callManagement(connection(), "deleteKey", asked);
      const people = `${given.operand} is deleted since ${value.deleted_at}.\n${feltEverywhere(value, now())}`;
      say(json ? text : people);
      return 0;
    },
  },
];

async function rotateKey({ given, json, connection, say, now }: Call): Promise<number> {
  const body = said({
    overlap_seconds: given.read("overlap", parseSeconds),
    expires_at: given.read("expires", endOf(now())),
  });
  const asked = { params: { id: given.operand }, body };
  const { text, value } = await callManagement(connection(), "rotateKey", asked);
  const { replaced } = value;
  const old = `${replaced.id}, which it replaces, works until ${replaced.expires_at}. ${lastUseOf(replaced)}`;
  say(
    json ? text : `${keyFields(value)}\n\n${old}\n${secretOnce(value.key)}\n${feltEverywhere(value, now())}`,
  );
  return 0;
}
