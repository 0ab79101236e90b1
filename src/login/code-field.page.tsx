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

/** The same of a text message. Telephones offer to fill it in. */
export function TextCodeField(props: { error?: string | undefined; isFirst: boolean }) {
  return (
    <Field
      name="code"
      id="sms-code"
      label="Code from the text message"
      type="text"
      inputmode="numeric"
      autocomplete="one-time-code"
      hint="Six digits. Each works once, for 5 minutes; only the newest does."
      error={props.error}
      isFirst={props.isFirst}
    />
  );
}

export function ReturnTo({ path }: { path: string | null }) {
  return path === null ? null : <input type="hidden" name="return_to" value={path} />;
}
