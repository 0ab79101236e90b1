import type { Child } from "hono/jsx";

/** The name under which each form's own token travels. */
export const formTokenField = "form_token";

/** A form of ours: sent to an address of ours, with its token. Without `action` it goes to where the page is. */
export function Form(props: {
  action?: string;
  token: string;
  /** Attributes by which the page's script knows it. */
  script?: Readonly<Record<string, string | boolean>>;
  children?: Child;
}) {
  const action = props.action === undefined ? {} : { action: props.action };
  return (
    <form method="post" {...action} {...props.script}>
      <input type="hidden" name={formTokenField} value={props.token} />
      {props.children}
    </form>
  );
}

type FieldProps = {
  readonly name: string;
  /** Where a page has two fields of one name. */
  readonly id?: string;
  readonly label: string;
  readonly type: "email" | "password" | "text";
  readonly inputmode?: "numeric" | "tel";
  readonly autocomplete: string;
  readonly hint?: string;
  readonly value?: string | undefined;
  readonly error?: string | undefined;
  readonly isFirst?: boolean;
  readonly isOptional?: boolean;
};

/** Label above, hint below, what is wrong below that, in words and tied to the input. What was typed stands again, except a secret. */
export function Field(props: FieldProps) {
  const { name, error, hint, id = name } = props;
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  const errorId = error === undefined ? undefined : `${id}-wrong`;
  const isSecret = props.type === "password";
  const input = (
    <input
      id={id}
      name={name}
      type={props.type}
      autocomplete={props.autocomplete}
      autocapitalize="none"
      spellcheck={false}
      {...(props.inputmode === undefined ? {} : { inputmode: props.inputmode })}
      required={props.isOptional !== true}
      dir={props.type === "email" || props.inputmode ? "ltr" : undefined}
      {...(isSecret || props.value === undefined ? {} : { value: props.value })}
      {...(error === undefined ? {} : { "aria-invalid": "true" })}
      {...(hintId || errorId ? { "aria-describedby": [errorId, hintId].filter(Boolean).join(" ") } : {})}
      {...(error !== undefined || props.isFirst ? { autofocus: true } : {})}
    />
  );
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {isSecret ? <div class="secret">{input}</div> : input}
      {error === undefined ? null : (
        <p class="wrong" id={errorId}>
          {error}
        </p>
      )}
      {hint === undefined ? null : (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Says what was done, what comes first, or why nothing was. Read aloud when the page comes. */
export function Note(props: { kind: "done" | "told" | "alert"; children?: Child }) {
  return (
    <div class={`note ${props.kind}`} role={props.kind === "alert" ? "alert" : "status"}>
      <p>{props.children}</p>
    </div>
  );
}
