import { base64url, fromBase64url, utf8 } from "../crypto/bytes.ts";
import { AuthError } from "../errors/auth-error.ts";

/** Where a page ended: the last row's time and id, opaque on the wire. */
export type Position = { readonly at: Date; readonly id: string };

/** As `toISOString` writes it; Postgres has no year 0 and `Date` reads far more than it writes. */
const momentShape = /^(?!0000)\d{4}-/;

export const cursorOf = ({ at, id }: Position): string => base64url(utf8(`${at.toISOString()} ${id}`));

export function parseCursor(text: string): Position {
  const bytes = fromBase64url(text);
  const [moment = "", id = "", ...rest] = bytes ? new TextDecoder().decode(bytes).split(" ") : [];
  const at = new Date(moment);
  const isOurs = momentShape.test(moment) && !Number.isNaN(at.getTime()) && at.toISOString() === moment;
  if (!isOurs || rest.length > 0 || !/^[a-z]{3}_[0-9A-Za-z]{22}$/.test(id)) {
    throw new AuthError("invalid_request", "cursor: use the next_cursor of the page before, unchanged");
  }
  return { at, id };
}

/** A page of rows and where the next begins: asked for one more row than is shown. */
export function pageOf<Row>(rows: readonly Row[], limit: number, positionOf: (row: Row) => Position) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { rows: shown, nextCursor: rows.length > limit && last ? cursorOf(positionOf(last)) : null };
}
