import { raw } from "hono/html";
import { renderSVG } from "uqr";
import { Field, Form } from "../http/form-fields.tsx";
import { type PasskeyAsked, PasskeyForm, PasskeyNeedsScript } from "../http/passkey-form.tsx";
import { CodeField, ReturnTo } from "./code-field.page.tsx";
import { type FormState, Notes } from "./sign-in.page.tsx";

type FormAsked = { readonly action: string; readonly token: string };

/** At a sign-in that cannot go on without a second factor. */
export function SetUpContent(props: {
  /** Null: it would not be enough. */
  app: FormAsked | null;
  passkey: PasskeyAsked;
  state: FormState;
  returnTo: string | null;
}) {
  const { app } = props;
  return (
    <>
      <h1>Protect your account</h1>
      <p>
        {app === null
          ? "This account is opened with a passkey only, so that neither a stolen password nor a fake copy of this site gets in. Set one up to go on; it takes a minute."
          : "This account needs a second proof besides its password, so that a stolen password alone opens nothing. Choose one; it takes a minute."}
      </p>
      <Notes state={props.state} />
      <section class="choice" aria-labelledby="choice-passkey">
        <h2 id="choice-passkey">A passkey</h2>
        <p>{passkeyWords}</p>
        <PasskeyNeedsScript />
        <PasskeyCreation {...props.passkey} returnTo={props.returnTo} isNamed={false} />
      </section>
      {app === null ? null : (
        <section class="choice" aria-labelledby="choice-app">
          <h2 id="choice-app">An authenticator app</h2>
          <p>{appWords}</p>
          <AppStart {...app} returnTo={props.returnTo} />
        </section>
      )}
      <p class="after links">
        <a href="/login">Sign in as somebody else</a>
      </p>
    </>
  );
}

/** After a mail, where the account has no password: whose passkey it will be is said, since a link may come from anybody. */
export function OnlyPasskeyContent(props: {
  passkey: PasskeyAsked;
  email: string;
  state: FormState;
  returnTo: string | null;
}) {
  return (
    <>
      <h1>Create your passkey</h1>
      <p>
        It opens the account <strong dir="ltr">{props.email}</strong>. If that is not yours, close this page.
      </p>
      <Notes state={props.state} />
      <p>{passkeyWords}</p>
      <PasskeyNeedsScript />
      <PasskeyCreation {...props.passkey} returnTo={props.returnTo} isNamed={false} />
      <p class="after small">
        This page works for five minutes. Later, <a href="/recover">ask for a new link</a>.
      </p>
    </>
  );
}

export const passkeyWords =
  "Your fingerprint, face or screen lock instead of a password. It stays on your device or in your password manager, and a fake copy of this site gets nothing from it.";
export const appWords =
  "An app on your phone that shows a new six-digit code every 30 seconds. Any of them will do.";
export const phoneWords =
  "A code by text message, for when nothing else is at hand. It is the weakest way: whoever takes over your number gets the codes. So it only ever stands beside an app or a passkey.";

export function AppStart(props: FormAsked & { returnTo: string | null; isOnly?: boolean }) {
  return (
    <Form action={props.action} token={props.token}>
      <ReturnTo path={props.returnTo} />
      <button type="submit" class={props.isOnly ? "primary whole" : "whole"}>
        Set up an app
      </button>
    </Form>
  );
}

export function PasskeyCreation(
  props: PasskeyAsked & {
    returnTo: string | null;
    isNamed: boolean;
    error?: string | undefined;
  },
) {
  return (
    <PasskeyForm {...props} kind="create">
      {props.isNamed ? (
        <Field
          name="name"
          label="Name (optional)"
          type="text"
          autocomplete="off"
          hint="So that you can tell it from others, like “My phone”."
          error={props.error}
          isOptional
        />
      ) : null}
      <button type="submit" class="primary whole">
        Create a passkey
      </button>
    </PasskeyForm>
  );
}

/** The way out of something that was only begun. */
export type Back = { readonly href: string; readonly words: string };
export type AppShown = { readonly id: string; readonly secret: string; readonly uri: string };

/** The QR code is dark on white whatever the page's colours are: that is what cameras read. */
export function AppContent(
  props: FormAsked & { app: AppShown; back: Back; state: FormState; returnTo: string | null },
) {
  const { app, back, state } = props;
  return (
    <>
      <h1>Set up an authenticator app</h1>
      <Notes state={state} />
      <ol class="plain">
        <li>Open the app and choose to add an account.</li>
        <li>Let it look at this picture, or type the key below.</li>
        <li>Type the code that it shows then.</li>
      </ol>
      <div class="qr" role="img" aria-label="QR code with the key below">
        {raw(renderSVG(app.uri, { border: 3 }))}
      </div>
      <p>
        Key: <code id="secret">{inFours(app.secret)}</code>
      </p>
      <p class="small">
        Is the app on this device? <a href={app.uri}>Open it with this key</a>
      </p>
      <Form action={props.action} token={props.token}>
        <input type="hidden" name="id" value={app.id} />
        <ReturnTo path={props.returnTo} />
        <CodeField error={state.errors?.code} isFirst={state.errors?.code !== undefined} />
        <button type="submit" class="primary whole">
          Turn it on
        </button>
      </Form>
      <p class="after line">
        <a href={back.href}>{back.words}</a>
      </p>
    </>
  );
}

const inFours = (text: string): string => text.replaceAll(/(.{4})(?=.)/g, "$1 ");

/** Before the key is shown: what it is for, and what to have at hand. */
export function AppStartContent(
  props: FormAsked & { isChange: boolean; state: FormState; returnTo: string | null },
) {
  return (
    <>
      <h1>{props.isChange ? "Change your authenticator app" : "Set up an authenticator app"}</h1>
      <Notes state={props.state} />
      <p>
        {appWords} When you sign in you type the code after your password, so that a stolen password is not
        enough.
      </p>
      <p>
        {props.isChange
          ? "The app that you have now goes on working until the new one has shown a code."
          : "Have your phone at hand with the app on it. Your password manager may be able to do it too."}
      </p>
      <AppStart {...props} isOnly />
      <p class="after line">
        <a href="/account/security">Not now</a>
      </p>
    </>
  );
}

export function PasskeyContent(props: { passkey: PasskeyAsked; state: FormState; returnTo: string | null }) {
  const { state } = props;
  return (
    <>
      <h1>Add a passkey</h1>
      <Notes state={state} />
      <p>{passkeyWords}</p>
      <PasskeyNeedsScript />
      <PasskeyCreation {...props.passkey} returnTo={props.returnTo} isNamed error={state.errors?.name} />
      <p class="after line">
        <a href="/account/security">Not now</a>
      </p>
    </>
  );
}
