import { Form } from "../http/form-fields.tsx";
import { ReturnTo } from "./code-field.page.tsx";
import { type FormState, Notes } from "./sign-in.page.tsx";

/** Before they are made. */
export function RecoveryCodesContent(props: {
  token: string;
  action: string;
  hasFactor: boolean;
  /** Null: there are none. */
  left: number | null;
  state: FormState;
  returnTo: string | null;
}) {
  const { left, returnTo } = props;
  return (
    <>
      <h1>Recovery codes</h1>
      <Notes state={props.state} />
      <p>
        For the day when your phone is lost: ten codes on paper or in a safe place, each of which lets you in
        once in place of your app or passkey.
      </p>
      {props.hasFactor ? (
        <>
          <p>
            {left === null
              ? "You have none yet."
              : `You have ${left} left. New ones make the old ones worthless.`}
          </p>
          <Form action={props.action} token={props.token}>
            <ReturnTo path={returnTo} />
            <button type="submit" class="primary">
              Make recovery codes
            </button>
          </Form>
        </>
      ) : (
        <p>
          They stand in for an app or a passkey. <a href="/account/security">Set one of those up first.</a>
        </p>
      )}
      <p class="after line">
        <a href={returnTo ?? "/account/security"}>{props.hasFactor ? "Not now" : "Back to security"}</a>
      </p>
    </>
  );
}

/** Shown this once. */
export function RecoveryCodesShown(props: {
  codes: readonly string[];
  place: string;
  returnTo: string | null;
}) {
  const { codes } = props;
  const text = `Recovery codes for ${props.place}. Each works once.\r\n\r\n${codes.join("\r\n")}\r\n`;
  return (
    <>
      <h1>Save your recovery codes</h1>
      <p>
        <strong>They are shown only now.</strong> Print them, or keep them in your password manager; not on
        the phone that they are there to replace.
      </p>
      <ol class="codes" id="codes">
        {codes.map((code) => (
          <li>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div class="stack">
        <a
          class="button"
          download="recovery-codes.txt"
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
        >
          Download
        </a>
        <button type="button" data-copy="codes" class="scripted">
          Copy
        </button>
        <a class="button primary" href={props.returnTo ?? "/account/security"}>
          I have saved them
        </a>
      </div>
    </>
  );
}
