import { Field, Form } from "../http/form-fields.tsx";
import { AnswerForm, Provenance, ScopeList } from "./consent.page.tsx";
import type { DeviceQuestion } from "./device-authorization.ts";
import { scopesShown } from "./scopes.ts";
import { userCodeShown } from "./user-code.ts";

/** Asks for the code that a device shows. One that came with the address still has to be sent by the person. */
export function UserCodeContent(props: { token: string; typed: string; error?: string | undefined }) {
  return (
    <>
      <h1>Connect a device</h1>
      <p>Type the code that your device or program shows.</p>
      <Form action="/device" token={props.token}>
        <Field
          name="user_code"
          label="Code"
          type="text"
          autocomplete="off"
          hint="Eight letters, like WDJB-MJHT."
          value={props.typed}
          error={props.error}
          isFirst
        />
        <button type="submit" class="primary whole">
          Go on
        </button>
      </Form>
    </>
  );
}

/** RFC 8628 §5.4: whoever was sent a link by a stranger must be able to notice. */
export function DeviceConsentContent(props: {
  question: DeviceQuestion;
  email: string;
  tokens: { readonly allow: string; readonly deny: string };
}) {
  const { client, device } = props.question;
  const scopes = scopesShown(props.question.scopes);
  const fields = { user_code: userCodeShown(device.userCode) };
  return (
    <>
      <h1>
        Allow <bdi>{client.name}</bdi> on a device?
      </h1>
      <div class="note alert" role="note">
        <p>
          Allow it only if you began this yourself, just now, and your device shows{" "}
          <strong>{fields.user_code}</strong>. If somebody sent you the code or a link, deny it: they would
          get into your account.
        </p>
      </div>
      <p>
        <strong>
          <bdi>{client.name}</bdi>
        </strong>{" "}
        {scopes.length === 0 ? "wants to know that you are signed in here." : "wants to:"}
      </p>
      <ScopeList scopes={scopes} />
      <Provenance client={client} />
      <p class="small">
        You are signed in as <bdi>{props.email}</bdi>.
      </p>
      <div class="stack">
        <AnswerForm action="/device/allow" token={props.tokens.allow} fields={fields}>
          <button type="submit" class="primary whole">
            Allow
          </button>
        </AnswerForm>
        <AnswerForm action="/device/deny" token={props.tokens.deny} fields={fields}>
          <button type="submit" class="whole">
            Deny
          </button>
        </AnswerForm>
      </div>
    </>
  );
}

export function DeviceDoneContent({ name, isAllowed }: { name: string; isAllowed: boolean }) {
  return (
    <>
      <h1>{isAllowed ? "Your device is connected" : "Nothing was allowed"}</h1>
      <p>
        {isAllowed ? "Go back to " : "You can close this page. Nobody was let in by "}
        <bdi>{name}</bdi>
        {isAllowed ? " on your device: it goes on there in a moment." : "."}
      </p>
      <p class="after links">
        <a href="/account/applications">What you have allowed</a>
      </p>
    </>
  );
}
