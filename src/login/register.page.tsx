import { Field, Form } from "../http/form-fields.tsx";
import { PasskeyNeedsScript } from "../http/passkey-form.tsx";
import { type FormState, Notes } from "./sign-in.page.tsx";

export const passwordHintOf = (lengthMin: number): string =>
  `At least ${lengthMin} characters. A few words that belong together only for you are easy to remember and hard to guess.`;

export function RegisterContent(props: { token: string; state: FormState; passwordLengthMin: number }) {
  const { state } = props;
  const { errors = {} } = state;
  return (
    <>
      <h1>Create an account</h1>
      <Notes state={state} />
      <Form action="/register" token={props.token}>
        <Field
          name="email"
          label="Email address"
          type="email"
          autocomplete="username"
          hint="We send a link to it, to see that it is yours."
          value={state.email}
          error={errors.email}
          isFirst={state.email === undefined}
        />
        <Field
          name="password"
          label="Password"
          type="password"
          autocomplete="new-password"
          hint={passwordHintOf(props.passwordLengthMin)}
          error={errors.password}
        />
        <button type="submit" class="primary whole">
          Create account
        </button>
      </Form>
      <p class="or">or</p>
      <p>
        <a class="button whole" href="/register/passkey">
          Continue without a password
        </a>
      </p>
      <p class="after">
        <a href="/login">Sign in to an account you have</a>
      </p>
    </>
  );
}

/** The second way: the address now, the passkey once it is confirmed. */
export function RegisterPasskeyContent(props: { action: string; token: string; state: FormState }) {
  const { state } = props;
  return (
    <>
      <h1>Create an account</h1>
      <p>
        Without a password: your fingerprint, face or screen lock signs you in. First we send a link to your
        address. Open it on the device that you will sign in with, and create the passkey there.
      </p>
      <PasskeyNeedsScript />
      <Notes state={state} />
      <Form action={props.action} token={props.token}>
        <Field
          name="email"
          label="Email address"
          type="email"
          autocomplete="username"
          value={state.email}
          error={state.errors?.email}
          isFirst={state.email === undefined}
        />
        <button type="submit" class="primary whole">
          Send the link
        </button>
      </Form>
      <p class="after links">
        <a href="/register">Use a password instead</a>
        <a href="/login">Sign in to an account you have</a>
      </p>
    </>
  );
}

/** The same for every address: whether it has an account already is told in the mail alone. */
export function RegisterSentContent() {
  return (
    <>
      <h1>Look at your mail</h1>
      <p>
        We have sent a mail to the address you gave. Open the link in it to confirm that the address is yours;
        it works for 24 hours.
      </p>
      <p>
        Nothing there after a few minutes? Look among the unwanted mail, or{" "}
        <a href="/register">check the address and try again</a>.
      </p>
    </>
  );
}
