import type { FactorShown, SessionShown, UserShown } from "./management-api.ts";
import { fields, listOf, table, time } from "./presentation.ts";

export const userTable = (users: readonly UserShown[]): string =>
  table(
    ["ID", "EMAIL", "STATE", "SCOPES", "CREATED", "LAST SIGNED IN"],
    users.map((user) => [
      user.id,
      user.email ?? "",
      user.state,
      listOf(user.scopes),
      time(user.created_at),
      time(user.last_signed_in_at),
    ]),
  );

export const userFields = (user: UserShown): string =>
  fields({
    id: user.id,
    email: user.email,
    state: user.state,
    scopes: listOf(user.scopes) || "none",
    created: time(user.created_at),
    "last signed in": time(user.last_signed_in_at) || "never",
    "password set": time(user.password_changed_at) || "never: a recovery chooses the first",
    "second factors": listOf(user.second_factors) || "none",
  });

export const factorTable = (factors: readonly FactorShown[]): string =>
  table(
    ["ID", "KIND", "NAME", "ADDED", "LAST USED", "CODES LEFT"],
    factors.map((factor) => [
      factor.id,
      factor.kind,
      factor.name,
      time(factor.created_at),
      time(factor.last_used_at),
      factor.codes_left?.toString() ?? "",
    ]),
  );

export const sessionTable = (sessions: readonly SessionShown[]): string =>
  table(
    ["ID", "KIND", "SIGNED IN", "WITH", "LAST SEEN", "ADDRESS", "PLACE", "DEVICE"],
    sessions.map((session) => [
      session.id,
      session.kind,
      time(session.signed_in_at),
      listOf(session.signed_in_with),
      time(session.last_seen_at),
      session.address,
      listOf([session.city, session.country].filter((part) => part !== null)),
      session.user_agent,
    ]),
  );
