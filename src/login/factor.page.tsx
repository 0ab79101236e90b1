import { Field, Form } from "../http/form-fields.tsx";
import { type PasskeyAsked, PasskeyForm, PasskeyNeedsScript } from "../http/passkey-form.tsx";
import { CodeField, ReturnTo } from "./code-field.page.tsx";
import { type FormState, Notes } from "./sign-in.page.tsx";

export type FactorsAsked = {
  /** Null: the account has none. */
  readonly passkey: PasskeyAsked | null;
  readonly app: { readonly action: string; readonly token: string } | null;
  readonly recovery: { readonly action: string; readonly token: string } | null;
};

/** The second question: what somebody may show, strongest first, and last what is for who has lost the rest. */
export function FactorContent(props: {
  asked: FactorsAsked;
  isRaise: boolean;
  state: FormState;
  returnTo: string | null;
}) {
  const { asked, isRaise, state, returnTo } = props;
  const { app, passkey } = asked;
  return (
    <>
      <h1>{isRaise ? "Confirm that it is you" : "One more step"}</h1>
      <Notes state={state} />
      {passkey === null ? null : (
        <>
          <PasskeyForm {...passkey} kind="get" returnTo={returnTo}>
            <p>Use your fingerprint, face, screen lock or security key.</p>
            <button type="submit" class={app === null ? "primary whole" : "whole"}>
              Use a passkey
            </button>
            {app === null ? null : <p class="or">or</p>}
          </PasskeyForm>
          <PasskeyNeedsScript />
        </>
      )}
      {app === null ? null : (
        <Form action={app.action} token={app.token}>
          <ReturnTo path={returnTo} />
          <CodeField error={state.errors?.code} isFirst={state.errors?.recovery_code === undefined} />
          <button type="submit" class="primary whole">
            Go on
          </button>
        </Form>
      )}
      <RecoverySection {...props} />
      <p class="after links">
        {isRaise ? (
          <a href="/account">Back to your account</a>
        ) : (
          <a href="/login">Sign in as somebody else</a>
        )}
      </p>
    </>
  );
}

function RecoverySection(props: { asked: FactorsAsked; state: FormState; returnTo: string | null }) {
  const { app, passkey, recovery } = props.asked;
  const error = props.state.errors?.recovery_code;
  if (recovery === null)
    return <p class="after small">Lost what you sign in with? Ask those who run this service to reset it.</p>;
  return (
    <details class="after" open={error !== undefined || (app === null && passkey === null)}>
      <summary>Use a recovery code instead</summary>
      <Form action={recovery.action} token={recovery.token}>
        <ReturnTo path={props.returnTo} />
        <Field
          name="code"
          id="recovery-code"
          label="Recovery code"
          type="text"
          autocomplete="off"
          hint="One of the ten that you saved, like 4f7k-2m9x-8q3t-w5zc. Each works once."
          error={error}
        />
        <button type="submit" class="whole">
          Use the recovery code
        </button>
      </Form>
    </details>
  );
}

/** For who has nothing but a password: it, once more. */
export function AgainContent(props: {
  token: string;
  email: string;
  state: FormState;
  level: string | null;
  returnTo: string | null;
}) {
  const { state } = props;
  return (
    <>
      <h1>Confirm that it is you</h1>
      <p>
        You are signed in as <strong dir="ltr">{props.email}</strong>. Give your password once more to go on.
      </p>
      <Notes state={state} />
      <Form action="/login/again" token={props.token}>
        <ReturnTo path={props.returnTo} />
        {props.level === null ? null : <input type="hidden" name="level" value={props.level} />}
        <input type="text" autocomplete="username" value={props.email} readonly hidden tabindex={-1} />
        <Field
          name="password"
          label="Password"
          type="password"
          autocomplete="current-password"
          error={state.errors?.password}
          isFirst
        />
        <button type="submit" class="primary whole">
          Go on
        </button>
      </Form>
      <p class="after links">
        <a href="/account">Back to your account</a>
        <a href="/recover">Forgot your password?</a>
      </p>
    </>
  );
}
