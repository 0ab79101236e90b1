import type { Accounts } from "../accounts/accounts.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { type Handlers, sessionIdOf, userIdOf } from "./call.ts";
import { reachView, sessionView } from "./views.ts";

type Deps = {
  readonly accounts: Pick<Accounts, "get">;
  readonly sessions: Pick<Sessions, "list" | "end" | "endAll">;
  readonly now: () => number;
};

/** People's sessions, as operators see and end them. */
export function sessionHandlers({ accounts, sessions, now }: Deps) {
  return {
    /** Nothing to end is no refusal: afterwards nothing of before opens anything, and that is what was asked. */
    async logOutUser({ params, operator }) {
      const { id } = await accounts.get(userIdOf(params));
      const loggedOutAt = new Date(now());
      const reach = await sessions.endAll(id, "by_operator", operator);
      return { logged_out_at: loggedOutAt.toISOString(), ...reachView(reach) };
    },
    async listUserSessions({ params }) {
      const { id } = await accounts.get(userIdOf(params));
      return { data: (await sessions.list(id)).map(sessionView), next_cursor: null };
    },
    async endUserSession({ params, operator }) {
      const [userId, sessionId] = [userIdOf(params), sessionIdOf(params)];
      const reach = await sessions.end(sessionId, userId, "by_operator", operator);
      if (!reach) throw new AuthError("not_found", "the account has no such live session");
      return reachView(reach);
    },
  } satisfies Handlers;
}
