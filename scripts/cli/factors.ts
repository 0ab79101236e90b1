import type { Command } from "./command.ts";
import { callManagement } from "./management-api.ts";
import { factorTable } from "./user-view.ts";
import { person, userIdOf } from "./users.ts";

export const factorCommands: readonly Command[] = [
  {
    name: "users factors",
    operand: person,
    summary: "Lists a person's second factors and passkeys, oldest first",
    options: {},
    uses: ["listUserFactors"],
    async run({ given, json, connection, say }) {
      const gatehouse = connection();
      const params = { id: await userIdOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, "listUserFactors", { params });
      const people = value.data.length === 0 ? "No second factors." : factorTable(value.data);
      say(json ? text : people);
      return 0;
    },
  },
  {
    name: "users reset-factors",
    operand: person,
    summary: "Removes every second factor, passkey and recovery code of a person who has lost them",
    options: {},
    note: "Make sure who asks: the password alone opens the account then. The person is told by mail. No session ends:\nusers logout ends them all.",
    uses: ["resetUserFactors"],
    async run({ given, json, connection, say }) {
      const gatehouse = connection();
      const params = { id: await userIdOf(gatehouse, given.operand) };
      const { text, value } = await callManagement(gatehouse, "resetUserFactors", { params });
      const { removed } = value;
      const people =
        removed === 0
          ? `${given.operand} had no second factor.`
          : `${given.operand} has no second factor any more: ${removed} removed. Open sessions go on; users logout ends them.`;
      say(json ? text : people);
      return 0;
    },
  },
];
