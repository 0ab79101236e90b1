import { Field, Form } from "../http/form-fields.tsx";
import { Whose } from "./account.page.tsx";
import { passwordHintOf } from "./register.page.tsx";
import type { FormState } from "./sign-in.page.tsx";

type FormAsked = { readonly action: string; readonly token: string };

export function ChangePassword(
  props: FormAsked & { email: string; state: FormState; passwordLengthMin: number },
) {
  const { errors = {} } = props.state;
  return (
    <>
      <section class="panel" aria-labelledby="password-change">
        <h2 id="password-change">Change your password</h2>
        <p>You stay signed in here. Every other device is signed out.</p>
        <Form action={props.action} token={props.token}>
          <Whose email={props.email} />
          <Field
            name="password"
            label="Password you have now"
            type="password"
            autocomplete="current-password"
            error={errors.password}
          />
          <Field
            name="new_password"
            label="New password"
            type="password"
            autocomplete="new-password"
            hint={passwordHintOf(props.passwordLengthMin)}
            error={errors.new_password}
          />
          <button type="submit" class="primary whole">
            Change password
          </button>
        </Form>
      </section>
      <p>
        <a href="/recover">Forgot your password?</a>
      </p>
    </>
  );
}

/** Offered where it would be refused, too: what is missing is said. */
export function RemovePassword(props: FormAsked & { isPossible: boolean }) {
  return (
    <section aria-labelledby="password-remove">
      <h2 id="password-remove">Go without a password</h2>
      {props.isPossible ? (
        <>
          <p>
            Then only your passkey opens this account, and nobody can guess or steal a password. Every other
            device is signed out.
          </p>
          <Form action={props.action} token={props.token}>
            <button type="submit" class="danger">
              Remove the password
            </button>
          </Form>
        </>
      ) : (
        <p>
          First add a passkey that asks for your fingerprint, face or PIN, and make recovery codes or add an
          app: they are how you get back in when the passkey is lost.
        </p>
      )}
    </section>
  );
}

export function AddPassword(
  props: FormAsked & { email: string; state: FormState; passwordLengthMin: number },
) {
  return (
    <section class="panel" aria-labelledby="password-add">
      <h2 id="password-add">Add a password</h2>
      <p>
        Your account has none: your passkey opens it. A password is a second way, with your passkey or a code
        after it.
      </p>
      <Form action={props.action} token={props.token}>
        <Whose email={props.email} />
        <Field
          name="new_password"
          label="New password"
          type="password"
          autocomplete="new-password"
          hint={passwordHintOf(props.passwordLengthMin)}
          error={props.state.errors?.new_password}
        />
        <button type="submit" class="whole">
          Add the password
        </button>
      </Form>
    </section>
  );
}
