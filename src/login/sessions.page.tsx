import { Form } from "../http/form-fields.tsx";
import type { SessionShown } from "../sessions/session.ts";
import { AccountNav, Time } from "./account.page.tsx";
import { deviceNameOf, placeNameOf } from "./device-name.ts";
import { type FormState, Notes } from "./sign-in.page.tsx";

const wordOfMethod: Readonly<Record<string, string>> = { pwd: "a password" };

const methodsOf = ({ amr }: SessionShown): string =>
  amr.map((method) => wordOfMethod[method] ?? method).join(" and ");

/** Each form's token, by what the form does. */
export type SessionTokens = { readonly end: string; readonly endOthers: string; readonly endAll: string };

export function SessionsContent(props: {
  sessions: readonly SessionShown[];
  ownId: string;
  tokens: SessionTokens;
  state: FormState;
  now: number;
}) {
  const { sessions, ownId, tokens, now } = props;
  const own = sessions.filter(({ id }) => id === ownId);
  const others = sessions.filter(({ id }) => id !== ownId);
  return (
    <>
      <AccountNav here="/account/sessions" />
      <h1>Sessions</h1>
      <p>Where your account is signed in. End what you do not know, and then change your password.</p>
      <Notes state={props.state} />
      <ul class="rows">
        {own.map((session) => (
          <li>
            <Session session={session} isOwn now={now} />
          </li>
        ))}
        {others.map((session) => (
          <li>
            <Session session={session} isOwn={false} now={now} />
            <Form action="/account/sessions/end" token={tokens.end}>
              <input type="hidden" name="session" value={session.id} />
              <button type="submit" aria-label={`End session: ${deviceNameOf(session.userAgent)}`}>
                End session
              </button>
            </Form>
          </li>
        ))}
      </ul>
      <Endings hasOthers={others.length > 0} tokens={tokens} />
    </>
  );
}

/** What ends several at once; with no others, what would stand in the list. */
function Endings({ hasOthers, tokens }: { hasOthers: boolean; tokens: SessionTokens }) {
  return (
    <>
      {hasOthers ? null : (
        <p>
          You are signed in nowhere else. When you sign in on another device it stands here, with a button
          that ends it.
        </p>
      )}
      <div class="stack">
        {hasOthers ? (
          <Form action="/account/sessions/end-others" token={tokens.endOthers}>
            <button type="submit">End all other sessions</button>
          </Form>
        ) : null}
        <Form action="/account/sessions/end-all" token={tokens.endAll}>
          <button type="submit" class="danger">
            Sign out everywhere, here too
          </button>
        </Form>
      </div>
    </>
  );
}

function Session({ session, isOwn, now }: { session: SessionShown; isOwn: boolean; now: number }) {
  const place = placeNameOf(session.city, session.country);
  const methods = methodsOf(session);
  return (
    <div>
      <h2>
        <bdi title={session.userAgent}>{deviceNameOf(session.userAgent)}</bdi>
        {isOwn ? <span class="badge">This session</span> : null}
      </h2>
      <p>
        {place === null ? null : (
          <>
            <bdi>{place}</bdi>
            {" · "}
          </>
        )}
        <bdi>{session.address}</bdi>
      </p>
      <p class="small">
        Signed in <Time at={session.authTime} now={now} />
        {methods === "" ? "" : ` with ${methods}`}
        {session.kind === "native" ? ", in an application" : ""}
        {" · last seen "}
        <Time at={session.lastSeenAt} now={now} />
      </p>
    </div>
  );
}
