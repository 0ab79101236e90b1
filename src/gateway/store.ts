import { asc, eq, type SQL, sql } from "drizzle-orm";
import { changeOutbox } from "../revocation/tables.ts";
import { type Database, isUniqueViolation } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment } from "../storage/values.ts";
import { type Route, routesMax } from "./route.ts";
import { gatewayRoutes } from "./tables.ts";

export type RouteDraft = Omit<Route, "id" | "version" | "createdAt" | "updatedAt">;
export type ChangedRoute = { readonly route: Route; readonly noted: NotedRoutes };
export type NotedRoutes = { readonly kind: "routes"; readonly subjectId: string; readonly number: number };

export function createRouteStore(database: Database, options = { routesMax }) {
  /** The change and its note for the edges in one statement. `null`: nothing was there to change. */
  async function changeAndNote(change: SQL, at: Date): Promise<ChangedRoute | null> {
    const { rows } = await database.execute<Record<string, unknown>>(sql`
      with changed as (${change}),
      noted as (
        insert into ${changeOutbox} (kind, subject_id, version, noted_at)
        select 'routes', id, version, ${at.toISOString()}::timestamptz from changed
        returning number
      )
      select changed.*, noted.number as noted_number from changed, noted`);
    const [row] = rows;
    if (!row) return null;
    const route = routeOf(decodeRow(gatewayRoutes, row));
    return { route, noted: { kind: "routes", subjectId: route.id, number: Number(row["noted_number"]) } };
  }

  return {
    async list(): Promise<Route[]> {
      const rows = await database
        .select()
        .from(gatewayRoutes)
        .orderBy(asc(gatewayRoutes.name))
        .limit(routesMax);
      return rows.map(routeOf);
    },

    async find(id: string): Promise<Route | null> {
      const [row] = await database.select().from(gatewayRoutes).where(eq(gatewayRoutes.id, id)).limit(1);
      return row ? routeOf(row) : null;
    },

    /** `taken`: the name, or host and path. `full`: there are as many routes as there may be. */
    async insert(id: string, draft: RouteDraft, at: Date): Promise<ChangedRoute | "taken" | "full"> {
      const row = columnsOf(draft);
      const insertion = sql`insert into ${gatewayRoutes} (id, created_at, updated_at, ${names(row)})
              select ${id}, ${moment(at)}, ${moment(at)}, ${values(row)}
              where (select count(*) from ${gatewayRoutes}) < ${options.routesMax} returning *`;
      try {
        return (await changeAndNote(insertion, at)) ?? "full";
      } catch (error) {
        if (isUniqueViolation(error)) return "taken";
        throw error;
      }
    },

    /** Null when nothing has the id, or name or match are taken. `version` guards against two edits at once. */
    replace(id: string, version: number, draft: RouteDraft, at: Date): Promise<ChangedRoute | null> {
      const row = columnsOf(draft);
      return orTaken(
        changeAndNote(
          sql`update ${gatewayRoutes} set (version, updated_at, ${names(row)}) = row(version + 1, ${moment(at)}, ${values(row)})
              where id = ${id} and version = ${version} returning *`,
          at,
        ),
      );
    },

    delete(id: string, at: Date): Promise<ChangedRoute | null> {
      return changeAndNote(sql`delete from ${gatewayRoutes} where id = ${id} returning *`, at);
    },
  };
}

export type RouteStore = ReturnType<typeof createRouteStore>;

async function orTaken(change: Promise<ChangedRoute | null>): Promise<ChangedRoute | null> {
  try {
    return await change;
  } catch (error) {
    if (isUniqueViolation(error)) return null;
    throw error;
  }
}

const textArray = (texts: readonly string[]): SQL => sql`${JSON.stringify(texts)}::jsonb`;

/** Arrays travel as JSON: one parameter, no quoting rules of array literals. */
function columnsOf(draft: RouteDraft): [name: string, value: SQL][] {
  const asTexts = (texts: readonly string[]) =>
    sql`array(select jsonb_array_elements_text(${textArray(texts)}))`;
  const { upstream } = draft;
  return [
    ["name", sql`${draft.name}`],
    ["host", sql`${draft.host}::text`],
    ["path", sql`${draft.path}`],
    ["upstream_url", sql`${upstream.kind === "url" ? upstream.url : null}::text`],
    ["upstream_service", sql`${upstream.kind === "service" ? upstream.service : null}::text`],
    ["keep_path", sql`${draft.keepPath}::boolean`],
    ["credentials", asTexts(draft.credentials)],
    ["scopes", asTexts(draft.scopes)],
    ["level", sql`${draft.level}::text`],
    ["max_age_seconds", sql`${draft.maxAgeSeconds}::integer`],
    ["limits", sql`${JSON.stringify(draft.limits)}::jsonb`],
    ["timeout_seconds", sql`${draft.timeoutSeconds}::integer`],
    ["cors_origins", asTexts(draft.corsOrigins)],
    ["audiences", asTexts(draft.audiences)],
    ["enabled", sql`${draft.enabled}::boolean`],
  ];
}

const names = (row: [string, SQL][]): SQL => sql.raw(row.map(([name]) => name).join(", "));
const values = (row: [string, SQL][]): SQL =>
  sql.join(
    row.map(([, value]) => value),
    sql`, `,
  );

function routeOf(row: typeof gatewayRoutes.$inferSelect): Route {
  const { upstreamUrl, upstreamService, ...rest } = row;
  return {
    ...rest,
    upstream:
      upstreamUrl === null
        ? { kind: "service", service: upstreamService ?? "" }
        : { kind: "url", url: upstreamUrl },
  };
}
