import type { Child } from "hono/jsx";
import { Form } from "./form-fields.tsx";

/** Where a page that stays open gets a fresh challenge: of somebody who signs in, and of somebody in a session. */
export const challengePaths = {
  guest: "/login/passkey/challenge",
  owner: "/account/security/passkey/challenge",
} as const;

/** What a browser is asked for: where its answer goes, the form's own token, the options as JSON takes them. */
export type PasskeyAsked = {
  readonly action: string;
  readonly token: string;
  readonly options: object;
  /** Absent where the sign-in that waits is over as soon as its challenge is. */
  readonly renew?: keyof typeof challengePaths;
};

/**
 * A passkey needs a script of the page: where scripts are off the form is not seen. It is sent when the authenticator has answered.
 * `isConditional`: the browser offers passkeys in the field of the address, too.
 */
export function PasskeyForm(
  props: PasskeyAsked & {
    readonly kind: "create" | "get";
    readonly returnTo?: string | null;
    readonly isConditional?: boolean;
    readonly children?: Child;
  },
) {
  const { returnTo = null } = props;
  const script = {
    "data-passkey": props.kind,
    "data-options": JSON.stringify(props.options),
    ...(props.renew === undefined ? {} : { "data-renew": challengePaths[props.renew] }),
    ...(props.isConditional ? { "data-conditional": "" } : {}),
    class: "scripted",
  };
  return (
    <Form action={props.action} token={props.token} script={script}>
      <input type="hidden" name="credential" value="" />
      {returnTo === null ? null : <input type="hidden" name="return_to" value={returnTo} />}
      {props.children}
      <p class="wrong" role="alert" hidden />
    </Form>
  );
}

export function PasskeyNeedsScript() {
  return (
    <noscript>
      <p class="small">A passkey needs JavaScript, which is switched off in this browser.</p>
    </noscript>
  );
}
