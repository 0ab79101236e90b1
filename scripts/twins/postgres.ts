import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { createPgConfig } from "@electric-sql/pglite/node-postgres";
import pg from "pg";

export interface Field {
  name: string;
  tableID: number;
  columnID: number;
  dataTypeID: number;
  dataTypeSize: number;
  dataTypeModifier: number;
}

export interface SessionResult {
  command: string;
  rowCount: number | null;
  fields: Field[];
  /** Each value as Postgres writes it in text. */
  rows: (string | null)[][];
}

/** One connection, held by one request at a time. */
export interface Session {
  /** One statement by the extended protocol, which refuses several in one text. */
  run(text: string, params: readonly (string | null)[]): Promise<SessionResult>;
  /** Any number of statements by the simple protocol. */
  script(text: string): Promise<SessionResult[]>;
  inTransaction(): boolean;
}

export interface Postgres {
  /** Gives a connection that no other request touches until `use` is done. */
  exclusively<T>(use: (session: Session) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Neon's raw mode hands on exactly what Postgres sent, so nothing is parsed on the way. */
const RAW_TEXT = { getTypeParser: () => (text: string) => text };

/** More than a Worker opens at once to one place (six), fewer than a small server allows. */
const CONNECTIONS_MAX = 8;

/** One driver (`pg`) for both backings, so that there is one path from an answer of Postgres to the wire. */
export async function openPostgres(options: {
  dataDir?: string | undefined;
  databaseUrl?: string | undefined;
}): Promise<Postgres> {
  return options.databaseUrl ? openServer(options.databaseUrl) : await openEmbedded(options.dataDir);
}

async function openServer(databaseUrl: string): Promise<Postgres> {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: CONNECTIONS_MAX,
    types: RAW_TEXT,
    // Neon and PGlite write times in UTC, whatever the machine's zone is.
    options: "-c timezone=UTC",
  });
  pool.on("error", ignoreIdleLoss);
  async function exclusively<T>(use: (session: Session) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    const session = sessionOf(client);
    try {
      return await use(session);
    } finally {
      client.release(session.inTransaction());
    }
  }
  await exclusively(async (session) => session.run("select 1", [])).catch(async (cause: unknown) => {
    await pool.end();
    throw cause;
  });
  return { exclusively, close: () => pool.end() };
}

/** PGlite is one connection: requests take turns, so that a batch is never interleaved with another request. */
async function openEmbedded(dataDir: string | undefined): Promise<Postgres> {
  // PGlite makes the directory itself, but not those above it.
  if (dataDir !== undefined) await mkdir(dirname(dataDir), { recursive: true });
  const database = dataDir === undefined ? await PGlite.create() : await PGlite.create(dataDir);
  const client = new pg.Client({ ...pgConfig(database), types: RAW_TEXT });
  client.on("error", ignoreIdleLoss);
  await client.connect();
  const session = sessionOf(client);
  let turn: Promise<unknown> = Promise.resolve();
  function exclusively<T>(use: (session: Session) => Promise<T>): Promise<T> {
    const mine = turn.then(async () => {
      try {
        return await use(session);
      } finally {
        if (session.inTransaction()) await session.run("rollback", []);
      }
    });
    turn = mine.catch(() => undefined);
    return mine;
  }
  return {
    exclusively,
    async close() {
      await turn;
      await client.end();
      await database.close();
    },
  };
}

/** PGlite's adapter takes the place of pg's socket; @types/pg does not know the `connection` option. */
function pgConfig(database: PGlite): pg.ClientConfig {
  return { ...createPgConfig(database) } as unknown as pg.ClientConfig;
}

/** A lost idle connection shows on its next use; without a listener pg would end the process. */
const ignoreIdleLoss = (): undefined => undefined;

interface Readiness {
  connection: {
    on(event: "readyForQuery", listener: (message: { status?: string } | undefined) => void): void;
  };
}

const sessions = new WeakMap<pg.ClientBase, Session>();

function sessionOf(client: pg.ClientBase): Session {
  const known = sessions.get(client);
  if (known) return known;
  let status = "I";
  // pg does not tell whether a transaction is open; Postgres does, in every ReadyForQuery.
  (client as unknown as Readiness).connection.on("readyForQuery", (message) => {
    status = message?.status ?? "I";
  });
  const session: Session = {
    inTransaction: () => status !== "I",
    async run(text, params) {
      const query = {
        text,
        values: [...params],
        rowMode: "array",
        queryMode: "extended",
      } as pg.QueryArrayConfig;
      return resultOf(await client.query<(string | null)[]>(query));
    },
    async script(text) {
      const query = { text, rowMode: "array" } as pg.QueryArrayConfig;
      return [await client.query<(string | null)[]>(query)].flat().map(resultOf);
    },
  };
  sessions.set(client, session);
  return session;
}

function resultOf(result: pg.QueryArrayResult<(string | null)[]>): SessionResult {
  return {
    // An empty query has no command tag; the proxy then answers an empty word.
    command: (result.command as string | null) ?? "",
    rowCount: result.rowCount,
    fields: result.fields,
    rows: result.rows,
  };
}
