import { Field } from "../http/form-fields.tsx";

/** The code of an authenticator app: one field, which takes spaces and what a phone offers to fill in. */
export function CodeField(props: { hint?: string; error?: string | undefined; isFirst?: boolean }) {
  return (
    <Field
      name="code"
      label="Code from your authenticator app"
      type="text"
      inputmode="numeric"
      autocomplete="one-time-code"
      hint={props.hint ?? "Six digits. The app shows a new code every 30 seconds."}
      error={props.error}
      isFirst={props.isFirst ?? true}
    />
  );
}

export function ReturnTo({ path }: { path: string | null }) {
  return path === null ? null : <input type="hidden" name="return_to" value={path} />;
}
