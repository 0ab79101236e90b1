import { Field, Form } from "../http/form-fields.tsx";
import { type PasskeyAsked, PasskeyForm, PasskeyNeedsScript } from "../http/passkey-form.tsx";
import { CodeField, ReturnTo, TextCodeField } from "./code-field.page.tsx";
import { type FormState, Notes } from "./sign-in.page.tsx";

export type FactorsAsked = {
  /** Null: the account has none. */
  readonly passkey: PasskeyAsked | null;
  readonly app: { readonly action: string; readonly token: string } | null;
  readonly sms: SmsAsked | null;
  readonly recovery: { readonly action: string; readonly token: string } | null;
};

/** A telephone: the end of its number, the button that has a code sent, and the field for it. */
export type SmsAsked = {
  readonly ending: string;
  readonly isOpen: boolean;
  readonly send: { readonly action: string; readonly token: string };
  readonly show: { readonly action: string; readonly token: string };
};

/** The second question: what somebody may show, strongest first, and last what is for who has lost the rest. */
export function FactorContent(props: {
  asked: FactorsAsked;
  isRaise: boolean;
  /** Only a passkey is enough: what else is shown leads to setting one up. */
  isPasskeyNeeded: boolean;
  /** 0: the browser is not offered to be remembered. */
  rememberDays: number;
  state: FormState;
  returnTo: string | null;
}) {
  const { asked, isRaise, isPasskeyNeeded, state, returnTo } = props;
  const { app, passkey, sms } = asked;
  const isAppFirst = state.errors?.recovery_code === undefined && !isTextFirst({ sms, state });
  const remember = <RememberField days={props.rememberDays} />;
  return (
    <>
      <h1>{isRaise ? "Confirm that it is you" : "One more step"}</h1>
      <Notes state={state} />
      {isPasskeyNeeded ? <OnlyPasskeys has={passkey !== null} /> : null}
      {passkey === null ? null : (
        <>
          <PasskeyForm {...passkey} kind="get" returnTo={returnTo}>
            <p>Use your fingerprint, face, screen lock or security key.</p>
            {remember}
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
          <CodeField error={state.errors?.code} isFirst={isAppFirst} />
          {remember}
          <button type="submit" class="primary whole">
            Go on
          </button>
        </Form>
      )}
      {sms === null ? null : <TextSection sms={sms} state={state} returnTo={returnTo} />}
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

const isTextFirst = ({ sms, state }: { sms: SmsAsked | null; state: FormState }): boolean =>
  sms !== null && (sms.isOpen || state.errors?.sms_code !== undefined);

function TextSection(props: { sms: SmsAsked; state: FormState; returnTo: string | null }) {
  const { sms, state } = props;
  const isOpen = isTextFirst(props);
  return (
    <details class="after" open={isOpen}>
      <summary>Use a text message instead</summary>
      <Form action={sms.send.action} token={sms.send.token}>
        <ReturnTo path={props.returnTo} />
        <button type="submit" class="whole">
          Send a code to …{sms.ending}
        </button>
      </Form>
      <p class="or">then</p>
      <Form action={sms.show.action} token={sms.show.token}>
        <ReturnTo path={props.returnTo} />
        <TextCodeField error={state.errors?.sms_code} isFirst={isOpen} />
        <button type="submit" class="whole">
          Use this code
        </button>
      </Form>
    </details>
  );
}

function OnlyPasskeys({ has }: { has: boolean }) {
  return (
    <p>
      {has ? "Only a passkey signs in to this account. " : "This account needs a passkey, and has none yet. "}
      With a code you prove that it is you, and then set up a {has ? "new passkey" : "passkey"} to go on.
    </p>
  );
}

function RememberField({ days }: { days: number }) {
  if (days === 0) return null;
  return (
    <label class="check">
      <input type="checkbox" name="remember_device" value="yes" />
      Do not ask for this on this device for {days === 1 ? "a day" : `${days} days`}
    </label>
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
