import { endOf } from "./arguments.ts";
import { type Call, type Command, said } from "./command.ts";
import { readSecret } from "./given-file.ts";
import { callManagement } from "./management-api.ts";
import { feltEverywhere } from "./presentation.ts";
import { usageError } from "./usage.ts";

export const tokenCommands: readonly Command[] = [
  {
    name: "tokens revoke",
    summary: "Revokes an access token, or everything that a client was given",
    options: {
      jti: { value: "ID", help: "the token's own id, as audit and upstreams know it" },
      expires: {
        value: "WHEN",
        help: "with --jti: when the token ends by itself, if you know: 5m, or a time",
      },
      "token-from": { value: "FILE", help: "the token itself is its first line (- for standard input)" },
      client: { value: "ID", help: "every token of this client, with its sessions" },
    },
    note: `One of --jti, --token-from and --client is needed. A token's session goes on: sessions end ends that, and
users logout all of a person's. --client first-party signs everybody out.`,
    uses: ["revokeTokens"],
    run: revoke,
  },
];

async function revoke(call: Call): Promise<number> {
  const { json, connection, say, now } = call;
  const { body, shown } = await named(call);
  const { text, value } = await callManagement(connection(), "revokeTokens", { body });
  say(json ? text : `${shown} is revoked since ${value.revoked_at}.\n${feltEverywhere(value, now())}`);
  return 0;
}

async function named({ given, now }: Call) {
  const ways = ["jti", "token-from", "client"].filter(given.has);
  if (ways.length !== 1) throw usageError("tokens revoke needs one of --jti, --token-from and --client.");
  const [jti, client] = [given.text("jti"), given.text("client")];
  if (given.has("expires") && jti === undefined) throw usageError("--expires goes with --jti only.");
  if (jti !== undefined) {
    return { body: { jti, ...said({ expires_at: given.read("expires", endIn(now())) }) }, shown: jti };
  }
  if (client !== undefined) return { body: { client_id: client }, shown: `Everything of ${client}` };
  return { body: { token: await readSecret(given.text("token-from") ?? "") }, shown: "The token" };
}

const endIn =
  (now: number) =>
  (flag: string, text: string): string => {
    const end = endOf(now)(flag, text);
    if (end === null) throw usageError(`${flag} takes a time, not never: an access token lives for minutes.`);
    return end;
  };
