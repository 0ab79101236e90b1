import type { Command } from "./command.ts";
import { callManagement } from "./management-api.ts";
import { feltEverywhere } from "./presentation.ts";
import { sessionTable } from "./user-view.ts";
import { person, userIdOf } from "./users.ts";

export const sessionCommands: readonly Command[] = [
  {
    name: "sessions list",
    operand: person,
    summary: "Lists a person's live sessions, newest first",
    options: {},
    uses: ["listUserSessions"],
    async run({ given, json, connection, say }) {
      const gatehouse = connection();
      const params = { id: await userIdOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, "listUserSessions", { params });
      const people = value.data.length === 0 ? "No live sessions." : sessionTable(value.data);
      say(json ? text : people);
      return 0;
    },
  },
  {
    name: "sessions end",
    operand: "SESSION",
    summary: "Ends one session of a person, with its tokens",
    options: { user: { value: person, help: "whose session it is", required: true } },
    note: "users logout ends all of them.",
    uses: ["endUserSession"],
    async run({ given, json, connection, say, now }) {
      const gatehouse = connection();
      const id = await userIdOf(gatehouse, given.text("user") ?? "");
      const params = { id, session_id: given.operand };
      const { text, value } = await callManagement(gatehouse, "endUserSession", { params });
      say(json ? text : `${given.operand} has ended.\n${feltEverywhere(value, now())}`);
      return 0;
    },
  },
];
