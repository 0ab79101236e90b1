import * as v from "valibot";

/** Longer than any that can be used; what is usable is the room's to say, in its own words. */
const text = (max: number) => v.pipe(v.string("must be text"), v.maxLength(max, "is too long"));
const email = text(512);
const password = text(1024);
const link = text(256);

const refreshInBody = v.optional(v.boolean("must be true or false"), false);

export const registerInput = v.strictObject({
  email,
  /** Left out: the account has none, and begins with a passkey. */
  password: v.optional(password),
});
export const loginInput = v.strictObject({
  email,
  password,
  /** For applications that are no browser: no cookie is set. */
  refresh_in_body: refreshInBody,
});
export const refreshInput = v.strictObject({ refresh_token: v.optional(text(512)) });
/** The session that may follow is begun for a browser, or for an application that is none. */
export const linkInput = v.strictObject({ link, refresh_in_body: refreshInBody });
export const recoverInput = v.strictObject({ email });
export const resetInput = v.strictObject({ link, new_password: password });
export const changePasswordInput = v.strictObject({ current_password: password, new_password: password });
export const addPasswordInput = v.strictObject({ new_password: password });
export const removePasswordInput = v.strictObject({});
/** The password is left out by who has none. */
export const changeAddressInput = v.strictObject({ email, password: v.optional(password) });
export const deleteAccountInput = v.strictObject({ password: v.optional(password) });
