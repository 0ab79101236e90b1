import { type SQL, sql } from "drizzle-orm";
import { timestamp } from "drizzle-orm/pg-core";

/** A time as a parameter of a hand-written statement, of its own type also where nothing else tells it. */
export const moment = (at: Date | null): SQL =>
  at === null ? sql`null::timestamptz` : sql`${at.toISOString()}::timestamptz`;

/** A list as a parameter: as JSON, one parameter and no quoting rules of array literals. */
export const texts = (values: readonly string[]): SQL =>
  sql`array(select jsonb_array_elements_text(${JSON.stringify(values)}::jsonb))`;

/** A column of a time. */
export const momentColumn = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
