import * as v from "valibot";
import { parseEmailAddress } from "../accounts/email-address.ts";
import { moment, pageFields, scopes, visibleText } from "./input.ts";

/** The shapes of the calls about people, their sessions and tokens. */

const email = v.pipe(
  v.string(),
  v.maxLength(512, "is too long"),
  v.check((given) => parseEmailAddress(given) !== null, "must be one mail address"),
);

export const createUserInput = v.strictObject({
  email,
  /** What makes a good one is said by the rules for passwords. Null: a recovery chooses the first. */
  password: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(1024, "is too long"))), null),
  scopes: v.optional(scopes, []),
});

export const updateUserInput = v.strictObject({
  scopes: v.optional(scopes),
  enabled: v.optional(v.boolean()),
});

const states = ["active", "disabled", "deleted"] as const;
export const listUsersQuery = v.strictObject({
  ...pageFields,
  email: v.optional(email),
  state: v.optional(v.picklist(states, `must be one of ${states.join(", ")}`)),
});

const jti = v.pipe(
  v.string(),
  v.regex(/^tok_[0-9A-Za-z]{22}$/, "must be the jti of an access token: tok_ and 22 letters and digits"),
);

/** Three ways to name what ends: no two at once. */
export const revokeTokensInput = v.union(
  [
    v.strictObject({ token: v.pipe(v.string(), v.maxLength(16_384, "is too long for a token of ours")) }),
    v.strictObject({ jti, expires_at: v.optional(moment) }),
    v.strictObject({ client_id: visibleText }),
  ],
  "give exactly one of { token }, { jti, expires_at? } and { client_id }",
);
