import { Form } from "../http/form-fields.tsx";
import type { FactorShown } from "../mfa/factor.ts";
import { Time } from "./account.page.tsx";
import { appWords, passkeyWords, phoneWords } from "./set-up.page.tsx";

export type FactorForms = {
  readonly rename: { readonly action: string; readonly token: string };
  readonly remove: { readonly action: string; readonly token: string };
};

const kindWords: Readonly<Record<FactorShown["kind"], string>> = {
  totp: "Authenticator app",
  passkey: "Passkey",
  sms: "Codes by text message",
  "recovery-codes": "Recovery codes",
};

/** What somebody signs in with besides the password, and the ways to have more. */
export function FactorsSection(props: {
  factors: readonly FactorShown[];
  forms: FactorForms;
  /** Whether there are codes by text message here. */
  hasTexts: boolean;
  hasPassword: boolean;
  now: number;
}) {
  const { factors } = props;
  return (
    <section aria-labelledby="factors">
      <h2 id="factors">Passkeys and second steps</h2>
      {factors.length > 0 ? (
        <ul class="rows">
          {factors.map((factor) => (
            <li>
              <Factor factor={factor} now={props.now} />
              <FactorChange factor={factor} forms={props.forms} />
            </li>
          ))}
        </ul>
      ) : (
        <p>
          {props.hasPassword
            ? "There are none yet: your password alone opens this account. With one of these, a stolen password is not enough."
            : "There are none: add a passkey, or you need a link from us to sign in."}
        </p>
      )}
      <Ways {...props} />
    </section>
  );
}

function Ways({ factors, hasTexts }: { factors: readonly FactorShown[]; hasTexts: boolean }) {
  const has = (kind: FactorShown["kind"]): boolean => factors.some((factor) => factor.kind === kind);
  return (
    <ul class="rows">
      <Way href="/account/security/passkey" action="Add a passkey">
        {passkeyWords}
      </Way>
      <Way href="/account/security/app" action={has("totp") ? "Change the app" : "Add an authenticator app"}>
        {appWords}
      </Way>
      {hasTexts && (has("totp") || has("passkey")) ? (
        <Way
          href="/account/security/phone"
          action={has("sms") ? "Change the phone number" : "Add a phone number"}
        >
          {phoneWords}
        </Way>
      ) : null}
      {has("totp") || has("passkey") ? (
        <Way
          href="/account/security/recovery-codes"
          action={has("recovery-codes") ? "Make new recovery codes" : "Make recovery codes"}
        >
          Ten codes to keep in a safe place, for the day when your phone is lost.
        </Way>
      ) : null}
    </ul>
  );
}

function Way(props: { href: string; action: string; children?: string }) {
  return (
    <li>
      <p>{props.children}</p>
      <a class="button" href={props.href}>
        {props.action}
      </a>
    </li>
  );
}

function Factor({ factor, now }: { factor: FactorShown; now: number }) {
  const { kind, name, codesLeft, lastUsedAt } = factor;
  return (
    <div>
      <h3>
        <bdi>{name}</bdi>
      </h3>
      {name === kindWords[kind] ? null : <p>{kindWords[kind]}</p>}
      {factor.numberEnding === null || name.endsWith(factor.numberEnding) ? null : (
        <p>To the number that ends in {factor.numberEnding}</p>
      )}
      {codesLeft === null ? null : <p>{codesLeft === 1 ? "One code left" : `${codesLeft} codes left`}</p>}
      {factor.isBackedUp === true ? <p>Kept in a password manager, on each of your devices</p> : null}
      <p class="small">
        Added <Time at={factor.createdAt} now={now} />
        {" · "}
        {lastUsedAt === null ? "not used yet" : "last used "}
        {lastUsedAt === null ? null : <Time at={lastUsedAt} now={now} />}
      </p>
    </div>
  );
}

function FactorChange({ factor, forms }: { factor: FactorShown; forms: FactorForms }) {
  const { id, name } = factor;
  return (
    <details class="change">
      <summary aria-label={`Change: ${name}`}>Change</summary>
      <Form action={forms.rename.action} token={forms.rename.token}>
        <input type="hidden" name="factor" value={id} />
        <label for={`name-${id}`}>Name</label>
        <input
          id={`name-${id}`}
          name="name"
          type="text"
          autocomplete="off"
          value={name}
          maxlength={60}
          required
        />
        <button type="submit">Rename</button>
      </Form>
      <Form action={forms.remove.action} token={forms.remove.token}>
        <input type="hidden" name="factor" value={id} />
        <button type="submit" class="danger" aria-label={`Remove: ${name}`}>
          Remove
        </button>
      </Form>
    </details>
  );
}
