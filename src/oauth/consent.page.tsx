import { Form } from "../http/form-fields.tsx";
import type { Question } from "./authorization.ts";
import { type ScopeShown, scopesShown } from "./scopes.ts";

export type ConsentTokens = { readonly allow: string; readonly deny: string; readonly change: string };

/** Who asks, for what, where the person goes afterwards, and as whom. */
export function ConsentContent(props: {
  question: Question;
  agreed: readonly string[];
  email: string;
  /** What the form sends back: which request it answers, on which page, and what stood there. */
  shown: { request: string; ticket: string; agreed: string };
  tokens: ConsentTokens;
}) {
  const { question, tokens, email } = props;
  const { client, reply } = question;
  const fields = props.shown;
  const scopes = scopesShown(props.agreed);
  return (
    <>
      <h1>
        Allow <bdi>{client.name}</bdi>?
      </h1>
      <p>
        <strong>
          <bdi>{client.name}</bdi>
        </strong>{" "}
        {scopes.length === 0 ? "wants to know that you are signed in here." : "wants to:"}
      </p>
      <ScopeList scopes={scopes} />
      <Destination uri={reply.redirect.uri} />
      <Provenance client={client} />
      <p class="small">
        You are signed in as <bdi>{email}</bdi>.
      </p>
      <div class="stack">
        <AnswerForm action="/consent" token={tokens.allow} fields={fields}>
          <button type="submit" class="primary whole">
            Allow
          </button>
        </AnswerForm>
        <AnswerForm action="/consent/deny" token={tokens.deny} fields={fields}>
          <button type="submit" class="whole">
            Deny
          </button>
        </AnswerForm>
        <AnswerForm action="/consent/other-account" token={tokens.change} fields={fields}>
          <button type="submit" class="quiet">
            Use another account
          </button>
        </AnswerForm>
      </div>
    </>
  );
}

export function AnswerForm(props: {
  action: string;
  token: string;
  fields: Readonly<Record<string, string>>;
  children?: unknown;
}) {
  return (
    <Form action={props.action} token={props.token}>
      {Object.entries(props.fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      {props.children as never}
    </Form>
  );
}

export function ScopeList({ scopes }: { scopes: readonly ScopeShown[] }) {
  return scopes.length === 0 ? null : (
    <ul class="rows">
      {scopes.map((scope) => (
        <Scope scope={scope} />
      ))}
    </ul>
  );
}

function Scope({ scope }: { scope: ScopeShown }) {
  return (
    <li>
      <div>
        <h2>
          <bdi>{scope.title}</bdi>
          {scope.isGrave ? <span class="badge grave">Look twice</span> : null}
        </h2>
        {scope.description === null ? null : <p class="small">{scope.description}</p>}
      </div>
    </li>
  );
}

const loopback = /^http:\/\//;

/** RFC 8252 §8.6: behind an address of this very device any program may wait. */
function Destination({ uri }: { uri: string }) {
  if (loopback.test(uri)) {
    return (
      <div class="note alert" role="note">
        <p>
          Afterwards you go to a program on this device (<bdi>{new URL(uri).host}</bdi>). Allow it only if you
          have just started that program yourself.
        </p>
      </div>
    );
  }
  if (!uri.startsWith("https://")) {
    return (
      <div class="note alert" role="note">
        <p>
          Afterwards an application on this device opens (<bdi>{uri.slice(0, uri.indexOf(":"))}</bdi>). Allow
          it only if you have just started it yourself.
        </p>
      </div>
    );
  }
  return (
    <p>
      Afterwards you go to{" "}
      <strong>
        <bdi>{new URL(uri).host}</bdi>
      </strong>
      .
    </p>
  );
}

/** Nobody but an operator vouches for a name: one that registered itself may have chosen any. */
export function Provenance({ client }: { client: Question["client"] }) {
  const links = [
    { href: client.clientUri, label: "About it" },
    { href: client.policyUri, label: "Its privacy policy" },
    { href: client.tosUri, label: "Its terms" },
  ].filter((link): link is { href: string; label: string } => link.href !== null);
  return (
    <>
      <p class="small">
        {client.registeredBy === "operator"
          ? "Those who run this service registered it."
          : "Nobody here has checked who makes it. Its name is its own choice."}
      </p>
      {links.length === 0 ? null : (
        <p class="small links">
          {links.map(({ href, label }) => (
            <a href={href} rel="noreferrer noopener" target="_blank">
              {label}
            </a>
          ))}
        </p>
      )}
    </>
  );
}
