import { setTimeout as sleep } from "node:timers/promises";
import { eventTypes } from "../../src/audit/events.ts";
import { parsePageSize, parsePast } from "./arguments.ts";
import type { Call, Command } from "./command.ts";
import { callManagement, type EventShown } from "./management-api.ts";
import { plain, table, time } from "./presentation.ts";
import { usageError } from "./usage.ts";

const pollMilliseconds = 1000;
/** Events are written behind the answer, and refusals are counted together first: late ones are looked for this far back. */
const lateMilliseconds = 60_000;
const pageMax = "200";

export const auditCommands: readonly Command[] = [
  {
    name: "audit list",
    summary: "Lists what happened, newest first",
    options: {
      type: { value: "TYPE", help: "as key.revoked; the types stand below" },
      actor: { value: "ID", help: "who did it: the id of a key" },
      subject: { value: "ID", help: "what it was done to: the id of a key, route or owner" },
      request: { value: "ID", help: "in which request, as answers and errors name it" },
      from: { value: "WHEN", help: "not before: 15m ago, or a time like 2027-01-31T12:00:00Z" },
      until: { value: "WHEN", help: "before: written likewise" },
      limit: { value: "N", help: "so many at once, up to 200; 50 unless said" },
      cursor: { value: "CURSOR", help: "where the page before ended" },
      follow: { value: null, help: "stays and shows what happens from now on, oldest first, until Ctrl-C" },
    },
    note: `Types: ${eventTypes.join(" ").replaceAll(/(.{80,98}) /g, "$1\n       ")}`,
    uses: ["listEvents"],
    run: (call) => (call.given.has("follow") ? follow(call) : list(call)),
  },
];

type EventType = (typeof eventTypes)[number];

function queryOf({ given, now }: Call) {
  const type = given.text("type");
  const past = (flag: string, text: string) => parsePast(flag, text, now());
  if (type !== undefined && !eventTypes.includes(type as EventType)) {
    throw usageError(`--type knows no "${type}".`);
  }
  return {
    type,
    actor_id: given.text("actor"),
    subject_id: given.text("subject"),
    request_id: given.text("request"),
    from: given.read("from", past),
    until: given.read("until", past),
    limit: given.read("limit", parsePageSize),
    cursor: given.text("cursor"),
  };
}

async function list(call: Call): Promise<number> {
  const query = queryOf(call);
  const { text, value } = await callManagement(call.connection(), "listEvents", { query });
  const more = value.next_cursor ? `\n\nThere are more: --cursor ${value.next_cursor}` : "";
  const events = value.data.length === 0 ? "Nothing happened." : eventTable(value.data);
  call.say(call.json ? text : `${events}${more}`);
  return 0;
}

async function follow(call: Call): Promise<number> {
  const { given, connection, now, ended } = call;
  const barred = ["until", "limit", "cursor"].find(given.has);
  if (barred) throw usageError(`--follow and --${barred} exclude each other.`);
  const query = queryOf(call);
  const gatehouse = connection();
  const beganAt = query.from ? Date.parse(query.from) : now();
  const shown = new Map<string, number>();
  let newestAt = beganAt;
  while (!ended.aborted) {
    const from = new Date(Math.max(beganAt, newestAt - lateMilliseconds)).toISOString();
    for (const event of await everyEvent(gatehouse, { ...query, from })) {
      const at = Date.parse(event.at ?? "");
      newestAt = Math.max(newestAt, at);
      if (shown.has(event.id)) continue;
      shown.set(event.id, at);
      call.say(call.json ? JSON.stringify(event) : line(event));
    }
    for (const [id, at] of shown) if (at < newestAt - 2 * lateMilliseconds) shown.delete(id);
    await sleep(pollMilliseconds, undefined, { signal: ended }).catch(() => undefined);
  }
  return 0;
}

/** All pages, oldest first. */
async function everyEvent(
  gatehouse: ReturnType<Call["connection"]>,
  query: ReturnType<typeof queryOf>,
): Promise<EventShown[]> {
  const events: EventShown[] = [];
  let cursor: string | undefined;
  do {
    const asked = { query: { ...query, limit: pageMax, cursor } };
    const { value } = await callManagement(gatehouse, "listEvents", asked);
    events.push(...value.data);
    cursor = value.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return events.reverse();
}

const party = (one: EventShown["actor"] | null): string => {
  if (!one) return "";
  return one.id === "" ? one.type : `${one.type}:${one.id}`;
};

const times = ({ count }: EventShown): string => (count > 1 ? `×${count}` : "");

const eventTable = (events: readonly EventShown[]): string =>
  table(
    ["TIME", "EVENT", "OUTCOME", "REASON", "ACTOR", "SUBJECT", "ADDRESS", "REQUEST", "COUNT"],
    events.map((event) => [
      time(event.at),
      event.type,
      event.outcome,
      event.reason ?? "",
      party(event.actor),
      party(event.subject),
      event.address,
      event.request_id,
      times(event),
    ]),
  );

/** One event on one line: with nothing to align to. */
const line = (event: EventShown): string =>
  plain(
    [
      time(event.at),
      event.type,
      event.outcome,
      event.reason ? `(${event.reason})` : "",
      `by ${party(event.actor)}`,
      event.subject ? `on ${party(event.subject)}` : "",
      event.address ? `from ${event.address}` : "",
      event.request_id,
      times(event),
    ]
      .filter((part) => part !== "")
      .join("  "),
  );
