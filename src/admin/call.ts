import type { Operator } from "../api-keys/api-keys.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { OperationId } from "./operations.ts";

/** One call of the management API: its parsed input, and who makes it. */
export type Call = {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly operator: Operator;
};
export type Handler = (call: Call) => Promise<object>;
export type Handlers = Partial<Record<OperationId, Handler>>;

export function requireChange(edits: object): void {
  if (Object.keys(edits).length === 0) {
    throw new AuthError("invalid_request", "name at least one field to change");
  }
}

type Params = Readonly<Record<string, string>>;

/** An id of ours, or nothing: what is not even shaped like one needs no look-up. */
export const idOf = (params: Params): string => shapedId(params["id"], /^[a-z]{3}_[0-9A-Za-z]{22}$/);
export const userIdOf = (params: Params): string => shapedId(params["id"], /^usr_[0-9A-Za-z]{22}$/);
export const sessionIdOf = (params: Params): string =>
  shapedId(params["session_id"], /^ses_[0-9A-Za-z]{22}$/);

function shapedId(id: string | undefined, shape: RegExp): string {
  if (id === undefined || !shape.test(id)) throw new AuthError("not_found", "nothing has this id");
  return id;
}
