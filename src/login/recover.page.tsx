import type { Child } from "hono/jsx";
import { Field, Form } from "../http/form-fields.tsx";
import { PasskeyNeedsScript } from "../http/passkey-form.tsx";
import { passwordHintOf } from "./register.page.tsx";
import { type FormState, Notes } from "./sign-in.page.tsx";

export function AskRecoveryContent(props: { token: string; state: FormState }) {
  const { state } = props;
  const { errors = {} } = state;
  return (
    <>
      <h1>Cannot sign in?</h1>
      <p>
        Give the address of your account. We send a link to it, with which you choose a new password, or set
        up a new passkey where your account has no password.
      </p>
      <Notes state={state} />
      <Form action="/recover" token={props.token}>
        <Field
          name="email"
          label="Email address"
          type="email"
          autocomplete="username"
          value={state.email}
          error={errors.email}
          isFirst
        />
        <button type="submit" class="primary whole">
          Send the link
        </button>
      </Form>
      <p class="after">
        <a href="/login">Back to sign in</a>
      </p>
    </>
  );
}

/** The same for every address: a mail goes only to those that have an account. */
export function RecoverySentContent() {
  return (
    <>
      <h1>Look at your mail</h1>
      <p>
        If the address you gave has an account here, a mail is on its way to it. The link in it works once,
        for 30 minutes. Nothing changes until you use it.
      </p>
      <p>
        Nothing there after a few minutes? Look among the unwanted mail, or{" "}
        <a href="/recover">check the address and try again</a>.
      </p>
    </>
  );
}

/** The form goes to the address it stands at: the secret of the link is written nowhere into the page. */
export function ChooseContent(props: { token: string; state: FormState; passwordLengthMin: number }) {
  const { state } = props;
  return (
    <>
      <h1>Choose a new password</h1>
      <p>Every device that is signed in to your account will be signed out.</p>
      <Notes state={state} />
      <Form token={props.token}>
        <Field
          name="new_password"
          label="New password"
          type="password"
          autocomplete="new-password"
          hint={passwordHintOf(props.passwordLengthMin)}
          error={state.errors?.new_password}
          isFirst
        />
        <button type="submit" class="primary whole">
          Save the new password
        </button>
      </Form>
    </>
  );
}

/** For an account without a password; the link stands in the address of the form. */
export function RecoverPasskeyContent(props: { token: string }) {
  return (
    <>
      <h1>Set up a new passkey</h1>
      <p>
        Every device that is signed in to your account will be signed out. Passkeys that you have go on
        working; afterwards you can remove those that you lost.
      </p>
      <PasskeyNeedsScript />
      <Form token={props.token}>
        <button type="submit" class="primary whole">
          Go on
        </button>
      </Form>
      <p class="after">If it was somebody else who asked, close this page. Then nothing happens.</p>
    </>
  );
}

/** A link in a mail that is not, or no longer, of use. `again` leads to a new one. */
export function DeadLinkContent(props: { again: { href: string; label: string }; children?: Child }) {
  return (
    <>
      <h1>This link does not work any more</h1>
      <p>It has expired, was used already, or was replaced by a newer one.</p>
      <p>Your account is as it was. If you have several mails from us, the newest one counts.</p>
      {props.children === undefined ? null : <p>{props.children}</p>}
      <p>
        <a class="button" href={props.again.href}>
          {props.again.label}
        </a>
      </p>
    </>
  );
}
