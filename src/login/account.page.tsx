import type { Child } from "hono/jsx";
import type { Account } from "../accounts/account.ts";
import { Field, Form } from "../http/form-fields.tsx";
import { exactTimeOf, relativeTimeOf } from "./relative-time.ts";
import { type FormState, Notes } from "./sign-in.page.tsx";

export const accountPages = [
  { path: "/account", label: "Overview" },
  { path: "/account/security", label: "Security" },
  { path: "/account/sessions", label: "Sessions" },
  { path: "/account/applications", label: "Applications" },
] as const;
export type AccountPage = (typeof accountPages)[number]["path"];

/** At the top of each page of an account: its ways out. */
export function SignOut({ token }: { token: string }) {
  return (
    <Form action="/account/sign-out" token={token}>
      <button type="submit" class="quiet">
        Sign out
      </button>
    </Form>
  );
}

export function AccountNav({ here }: { here: AccountPage }) {
  return (
    <nav aria-label="Your account">
      <ul>
        {accountPages.map(({ path, label }) => (
          <li>
            <a href={path} {...(path === here ? { "aria-current": "page" } : {})}>
              {label}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export function Time({ at, now }: { at: Date; now: number }) {
  return (
    <time datetime={at.toISOString()} title={exactTimeOf(at)}>
      {relativeTimeOf(at, now)}
    </time>
  );
}

/** One thing of an account: what it is now, and the page that changes it. */
function Row(props: { title: string; href: string; action: string; children?: Child }) {
  return (
    <li>
      <div>
        <h2>{props.title}</h2>
        <p>{props.children}</p>
      </div>
      <a class="button" href={props.href}>
        {props.action}
      </a>
    </li>
  );
}

export function AccountContent(props: { account: Account; sessions: number; state: FormState; now: number }) {
  const { account, sessions, now } = props;
  const changedAt = account.passwordChangedAt;
  return (
    <>
      <AccountNav here="/account" />
      <h1>Your account</h1>
      <Notes state={props.state} />
      <ul class="rows">
        <Row title="Email address" href="/account/address" action="Change address">
          <bdi>{account.email}</bdi>
        </Row>
        {account.hasPassword ? (
          <Row title="Password" href="/account/security" action="Change password">
            {changedAt === null ? "As it was when the account was created" : "Chosen "}
            {changedAt === null ? null : <Time at={changedAt} now={now} />}
          </Row>
        ) : null}
        <Row title="Second step" href="/account/security" action="See security">
          {secondStepOf(account)}
        </Row>
        <Row title="Sessions" href="/account/sessions" action="See sessions">
          {sessions === 1 ? "Signed in here, and nowhere else" : `Signed in at ${sessions} places`}
        </Row>
        <Row title="Account" href="/account/delete" action="Delete account">
          Created <Time at={account.createdAt} now={now} />
        </Row>
      </ul>
    </>
  );
}

function secondStepOf({ factorKinds: kinds, hasPassword }: Account): string {
  if (kinds.length === 0) return hasPassword ? "None: your password alone opens this account" : "None";
  return [
    ...(kinds.includes("passkey") ? ["A passkey"] : []),
    ...(kinds.includes("totp") ? ["A code from your app"] : []),
    ...(kinds.includes("sms") ? ["a code by text message"] : []),
  ].join(" or ");
}

/** Tells a password manager whose password this is; it is not sent. */
export function Whose({ email }: { email: string }) {
  return <input type="text" autocomplete="username" value={email} readonly hidden tabindex={-1} />;
}

export function SecurityContent(props: {
  state: FormState;
  password: Child;
  /** What there is besides the password. */
  children?: Child;
}) {
  return (
    <>
      <AccountNav here="/account/security" />
      <h1>Security</h1>
      <Notes state={props.state} />
      {props.children}
      {props.password}
    </>
  );
}

export function AddressContent(props: {
  token: string;
  email: string;
  hasPassword: boolean;
  state: FormState;
}) {
  const { state } = props;
  const { errors = {} } = state;
  return (
    <>
      <AccountNav here="/account" />
      <h1>Change your address</h1>
      <p>
        Now it is <strong dir="ltr">{props.email}</strong>. Nothing changes before you open the link that we
        send to the new one. Then you sign in again everywhere.
      </p>
      <Notes state={state} />
      <section class="panel">
        <Form action="/account/address" token={props.token}>
          <Field
            name="email"
            label="New email address"
            type="email"
            autocomplete="email"
            value={state.email}
            error={errors.email}
          />
          {props.hasPassword ? (
            <Field
              name="password"
              label="Password"
              type="password"
              autocomplete="current-password"
              hint="So that nobody else can do this at your unlocked screen."
              error={errors.password}
            />
          ) : null}
          <button type="submit" class="primary whole">
            Send the link
          </button>
        </Form>
      </section>
      <p>
        <a href="/account">Keep the address</a>
      </p>
    </>
  );
}

export function DeleteContent(props: {
  token: string;
  email: string;
  hasPassword: boolean;
  state: FormState;
}) {
  return (
    <>
      <AccountNav here="/account" />
      <h1>Delete your account</h1>
      <p>
        This is your account: <strong dir="ltr">{props.email}</strong>
      </p>
      <p>What follows happens at once and cannot be undone:</p>
      <ul class="plain">
        <li>your address and what you sign in with are erased,</li>
        <li>every device is signed out,</li>
        <li>applications can no longer act for you.</li>
      </ul>
      <Notes state={props.state} />
      <section class="panel">
        <Form action="/account/delete" token={props.token}>
          <Whose email={props.email} />
          {props.hasPassword ? (
            <Field
              name="password"
              label="Password"
              type="password"
              autocomplete="current-password"
              error={props.state.errors?.password}
            />
          ) : null}
          <button type="submit" class="danger whole">
            Delete my account
          </button>
        </Form>
      </section>
      <p>
        <a href="/account">Keep the account</a>
      </p>
    </>
  );
}
