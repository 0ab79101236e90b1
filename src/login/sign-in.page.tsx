import { Field, Form, Note } from "../http/form-fields.tsx";
import { type PasskeyAsked, PasskeyForm } from "../http/passkey-form.tsx";

type FieldName =
  | "email"
  | "password"
  | "new_password"
  | "code"
  | "recovery_code"
  | "sms_code"
  | "number"
  | "name";

/** What a form says when it comes back: beside the field, or above them all. What was typed comes along, except passwords. */
export type FormState = {
  readonly email?: string | undefined;
  readonly errors?: Partial<Record<FieldName, string>>;
  readonly alert?: string | undefined;
  /** Something that was done just before, or that came to nothing. */
  readonly done?: { readonly kind: "done" | "told"; readonly text: string } | undefined;
};

export function Notes({ state }: { state: FormState }) {
  return (
    <>
      {state.done === undefined ? null : <Note kind={state.done.kind}>{state.done.text}</Note>}
      {state.alert === undefined ? null : <Note kind="alert">{state.alert}</Note>}
    </>
  );
}

export function SignInContent(props: {
  token: string;
  passkey: PasskeyAsked;
  state: FormState;
  returnTo: string | null;
}) {
  const { state, returnTo } = props;
  const { errors = {} } = state;
  return (
    <>
      <h1>Sign in</h1>
      <Notes state={state} />
      <Form action="/login" token={props.token}>
        {returnTo === null ? null : <input type="hidden" name="return_to" value={returnTo} />}
        <Field
          name="email"
          label="Email address"
          type="email"
          autocomplete="username webauthn"
          value={state.email}
          error={errors.email}
          isFirst={state.email === undefined}
        />
        <Field
          name="password"
          label="Password"
          type="password"
          autocomplete="current-password"
          error={errors.password}
        />
        <button type="submit" class="primary whole">
          Sign in
        </button>
      </Form>
      <PasskeyForm
        {...props.passkey}
        kind="get"
        returnTo={returnTo}
        isConditional={state.alert === undefined}
      >
        <p class="or">or</p>
        <button type="submit" class="whole">
          Sign in with a passkey
        </button>
      </PasskeyForm>
      <p class="after links">
        <a href="/recover">Cannot sign in?</a>
        <a href="/register">Create an account</a>
      </p>
    </>
  );
}
