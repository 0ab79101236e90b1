import * as v from "valibot";

/** Longer than any that can be used; what is usable is the room's to say, in its own words. */
const text = (max: number) => v.pipe(v.string("must be text"), v.maxLength(max, "is too long"));
const email = text(512);
const password = text(1024);
const link = text(256);

export const registerInput = v.strictObject({ email, password });
export const loginInput = v.strictObject({
  email,
  password,
  /** For applications that are no browser: no cookie is set. */
  refresh_in_body: v.optional(v.boolean("must be true or false"), false),
});
export const refreshInput = v.strictObject({ refresh_token: v.optional(text(512)) });
export const linkInput = v.strictObject({ link });
export const recoverInput = v.strictObject({ email });
export const resetInput = v.strictObject({ link, new_password: password });
export const changePasswordInput = v.strictObject({ current_password: password, new_password: password });
export const changeAddressInput = v.strictObject({ email, password });
export const deleteAccountInput = v.strictObject({ password });
