import { json, type TwinAnswer, type TwinRequest } from "./faulty-server.ts";
import type { Field, Postgres, Session, SessionResult } from "./postgres.ts";
import { jsonToPostgresText, postgresTextToJson } from "./postgres-text.ts";

/** Neon's bound on requests and on the rows of an answer: 10 MB. */
export const SQL_BYTES_MAX = 10 * 1024 * 1024;

interface Statement {
  query: string;
  params?: unknown[];
  arrayMode?: boolean;
}

interface OutputModes {
  raw: boolean;
  array: boolean;
}

/** What Postgres says of an error, under the names of Neon's answer. */
const ERROR_FIELDS = [
  "code",
  "detail",
  "hint",
  "position",
  "internalPosition",
  "internalQuery",
  "severity",
  "where",
  "table",
  "column",
  "schema",
  "dataType",
  "constraint",
  "file",
  "line",
  "routine",
] as const;

const ISOLATION_LEVELS: Record<string, string> = {
  ReadUncommitted: "read uncommitted",
  ReadCommitted: "read committed",
  RepeatableRead: "repeatable read",
  Serializable: "serializable",
};

/** Commands that change the session: what they left behind must not reach the next request. */
const LEAVES_STATE = new Set(["SET", "RESET", "PREPARE", "LISTEN", "DECLARE", "LOAD"]);

class RowsTooLarge extends Error {}

/** The body of `POST /sql`: one statement, or a batch which is one transaction. */
export function createSqlOverHttp(postgres: Postgres) {
  /** `schema`: one that comes before the others, as `"$user"` does in Postgres; null for none. */
  async function answer(request: TwinRequest, schema: string | null = null): Promise<TwinAnswer> {
    const payload = parsePayload(request.body);
    if (typeof payload === "string") return failure(400, `could not parse the HTTP request body: ${payload}`);
    const header = (name: string) => request.headers[name];
    const modes = {
      raw: header("neon-raw-text-output") === "true",
      array: header("neon-array-mode") === "true",
    };
    const level = header("neon-batch-isolation-level");
    const isolation = typeof level === "string" ? ISOLATION_LEVELS[level] : undefined;
    if (level !== undefined && isolation === undefined) return failure(400, "invalid isolation level");
    try {
      if (!Array.isArray(payload)) {
        return json(
          200,
          await postgres.exclusively(within(schema, (session) => runOne(session, payload, modes))),
        );
      }
      const begin = [
        "begin",
        isolation ? `isolation level ${isolation}` : "",
        header("neon-batch-read-only") === "true" ? "read only" : "",
        header("neon-batch-deferrable") === "true" ? "deferrable" : "",
      ];
      const run = (session: Session) => runBatch(session, payload, begin.join(" "), modes);
      return json(200, { results: await postgres.exclusively(within(schema, run)) }, echoed(request));
    } catch (cause) {
      if (cause instanceof RowsTooLarge) return failure(507, cause.message);
      return failureOf(cause);
    }
  }
  return { answer, failure };
}

const within =
  <T>(schema: string | null, use: (session: Session) => Promise<T>) =>
  async (session: Session): Promise<T> => {
    if (schema === null) return await use(session);
    const path = `select set_config('search_path', quote_ident($1) || ',' || current_setting('search_path'), false)`;
    await session.run(path, [schema]);
    try {
      return await use(session);
    } finally {
      await session.run("reset search_path", []);
    }
  };

async function runOne(session: Session, statement: Statement, modes: OutputModes): Promise<unknown> {
  const size = { bytes: 0 };
  const result = await runStatement(session, statement, size);
  if (LEAVES_STATE.has(result.command) && !session.inTransaction()) await session.run("discard all", []);
  return shape(result, statement, modes);
}

/** Any error rolls the whole batch back; the connection is clean again before the next request has it. */
async function runBatch(
  session: Session,
  statements: Statement[],
  begin: string,
  modes: OutputModes,
): Promise<unknown[]> {
  const size = { bytes: 0 };
  const results: unknown[] = [];
  let leavesState = false;
  await session.run(begin, []);
  try {
    for (const statement of statements) {
      const result = await runStatement(session, statement, size);
      leavesState ||= LEAVES_STATE.has(result.command);
      results.push(shape(result, statement, modes));
    }
    await session.run("commit", []);
  } catch (cause) {
    await session.run("rollback", []);
    throw cause;
  }
  if (leavesState) await session.run("discard all", []);
  return results;
}

async function runStatement(
  session: Session,
  statement: Statement,
  size: { bytes: number },
): Promise<SessionResult> {
  const result = await session.run(statement.query, (statement.params ?? []).map(jsonToPostgresText));
  for (const row of result.rows)
    for (const value of row) size.bytes += value === null ? 0 : Buffer.byteLength(value);
  if (size.bytes > SQL_BYTES_MAX)
    throw new RowsTooLarge(`response is too large (max is ${SQL_BYTES_MAX} bytes)`);
  return result;
}

function shape(result: SessionResult, statement: Statement, modes: OutputModes): unknown {
  const asArray = statement.arrayMode ?? modes.array;
  const { fields } = result;
  const rows = result.rows.map((row) => {
    const values = row.map((value, i) => (modes.raw ? value : postgresTextToJson(value, typeOf(fields, i))));
    return asArray ? values : Object.fromEntries(values.map((value, i) => [fields[i]?.name, value]));
  });
  return {
    command: result.command,
    rowCount: result.rowCount,
    rowAsArray: asArray,
    fields: fields.map(({ name, dataTypeID, tableID, columnID, dataTypeSize, dataTypeModifier }) => {
      return { name, dataTypeID, tableID, columnID, dataTypeSize, dataTypeModifier, format: "text" };
    }),
    rows,
  };
}

function typeOf(fields: Field[], index: number): number {
  return fields[index]?.dataTypeID ?? 0;
}

/** The proxy repeats a batch's options in its answer. */
function echoed(request: TwinRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of ["neon-batch-isolation-level", "neon-batch-read-only", "neon-batch-deferrable"]) {
    const value = request.headers[name];
    if (typeof value === "string" && value !== "false") headers[name] = value;
  }
  return headers;
}

function parsePayload(body: Buffer): Statement | Statement[] | string {
  try {
    const value = JSON.parse(body.toString("utf8")) as { query?: unknown; queries?: unknown } | null;
    if (Array.isArray(value?.queries) && value.queries.every(isStatement)) return value.queries;
    if (isStatement(value)) return value;
    return "data did not match any variant of untagged enum Payload";
  } catch (cause) {
    return String(cause);
  }
}

function isStatement(value: unknown): value is Statement {
  const { query, params } = (value ?? {}) as { query?: unknown; params?: unknown };
  return typeof query === "string" && (params === undefined || Array.isArray(params));
}

/** An error of the proxy's own: all of Postgres' fields are there, and empty. */
function failure(status: number, message: string): TwinAnswer {
  return json(status, { message, ...errorFields({ code: "", severity: "" }) });
}

function failureOf(cause: unknown): TwinAnswer {
  if (!(cause instanceof Error)) throw cause;
  const fields = cause as Error & Record<string, unknown>;
  // An error without SQLSTATE did not come from Postgres but from the way to it.
  if (typeof fields["code"] !== "string" || typeof fields["severity"] !== "string") {
    return failure(500, `the database cannot be reached: ${cause.message}`);
  }
  return json(400, { message: cause.message, ...errorFields(fields) });
}

function errorFields(from: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(ERROR_FIELDS.map((name) => [name, from[name] ?? null]));
}
