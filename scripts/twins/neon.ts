import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { DEFAULT_LANE } from "./faults.ts";
import { json, type ListenOptions, listen, type TwinAnswer, type TwinRequest } from "./faulty-server.ts";
import { openPostgres, type SessionResult } from "./postgres.ts";
import { createSqlOverHttp, SQL_BYTES_MAX } from "./sql-over-http.ts";

export interface NeonTwinOptions extends ListenOptions {
  /** Where PGlite keeps its files; absent, everything is in memory and gone after `close`. */
  dataDir?: string | undefined;
  /** A real server instead of PGlite. */
  databaseUrl?: string | undefined;
}

/** The password of the local stack. It guards nothing: the twin listens on loopback only. */
const PASSWORD = "local";

const OWN_SCHEMA = "own-";

/**
 * Neon's SQL over HTTP in front of PGlite or of a real Postgres. `url` is what goes into `DATABASE_URL`;
 * any user is let in with the right password, and a user named `lane-<name>` puts its requests in that lane. A lane
 * `own-<name>` sees the schema of its name before all others, if there is one.
 */
export async function startNeonTwin(options: NeonTwinOptions = {}) {
  const postgres = await openPostgres(options);
  const sql = createSqlOverHttp(postgres);

  async function answer(request: TwinRequest): Promise<TwinAnswer> {
    if (request.path !== "/sql") return json(404, { message: "not found" });
    if (request.method !== "POST") return json(405, { message: "method not allowed" });
    const refusal = refuseConnection(request.headers);
    if (refusal !== null) return sql.failure(400, refusal);
    const lane = laneOfUser(request.headers);
    return sql.answer(request, lane.startsWith(OWN_SCHEMA) ? lane : null);
  }

  const server = await listen(
    {
      store: "neon",
      requestBytesMax: SQL_BYTES_MAX,
      tooLarge: () => sql.failure(413, `request is too large (max is ${SQL_BYTES_MAX} bytes)`),
      laneOf: laneOfUser,
      summarise: ({ body }) => firstKeywords(body),
      answer,
    },
    options,
  ).catch(async (cause: unknown) => {
    await postgres.close();
    throw cause;
  });
  return {
    url: `postgresql://gatehouse:${PASSWORD}@${server.host}:${server.port}/gatehouse`,
    port: server.port,
    /** For migrations: any number of statements, by the simple protocol. Rows hold Postgres' own text. */
    query: (text: string): Promise<SessionResult[]> =>
      postgres.exclusively((session) => session.script(text)),
    async close(): Promise<void> {
      await server.close();
      await postgres.close();
    },
  };
}

export type NeonTwin = Awaited<ReturnType<typeof startNeonTwin>>;

/** `Neon-Connection-String` carries user and password on every request; the sentences are the proxy's own. */
function refuseConnection(headers: IncomingHttpHeaders): string | null {
  const text = headers["neon-connection-string"];
  if (typeof text !== "string") return "invalid header: neon-connection-string";
  if (!URL.canParse(text)) return "invalid connection string: relative URL without a base";
  const url = new URL(text);
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") return "incorrect scheme";
  if (url.username === "") return "missing username";
  if (url.password === "") return "missing authentication credentials: required password";
  if (!sameText(decodeURIComponent(url.password), PASSWORD)) {
    return `password authentication failed for user '${decodeURIComponent(url.username)}'`;
  }
  return null;
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function laneOfUser(headers: IncomingHttpHeaders): string {
  const text = headers["neon-connection-string"];
  if (typeof text !== "string" || !URL.canParse(text)) return DEFAULT_LANE;
  const user = decodeURIComponent(new URL(text).username);
  return user.startsWith("lane-") ? user.slice("lane-".length) : DEFAULT_LANE;
}

function firstKeywords(body: Buffer): string[] {
  try {
    const { query, queries } = JSON.parse(body.toString("utf8")) as {
      query?: string;
      queries?: { query: string }[];
    };
    const texts = queries ? queries.map((entry) => entry.query) : [query ?? ""];
    return texts.map((text) => /[a-z]+/i.exec(text)?.[0].toUpperCase() ?? "");
  } catch {
    return [];
  }
}
