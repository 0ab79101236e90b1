import { Form } from "../http/form-fields.tsx";
import { AccountNav, Time } from "./account.page.tsx";
import type { ApplicationShown } from "./applications.ts";
import { type FormState, Notes } from "./sign-in.page.tsx";

export const revokeForm = "/account/applications/revoke";

export function ApplicationsContent(props: {
  applications: readonly ApplicationShown[];
  token: string;
  state: FormState;
  now: number;
}) {
  const { applications, token, now } = props;
  return (
    <>
      <AccountNav here="/account/applications" />
      <h1>Applications</h1>
      <p>What you allowed to use your account. What you take away here stops working at once.</p>
      <Notes state={props.state} />
      {applications.length === 0 ? (
        <p>
          There are none. When an application asks for access and you allow it, it stands here, with a button
          that takes the access away.
        </p>
      ) : (
        <ul class="rows">
          {applications.map((application) => (
            <li>
              <Application application={application} now={now} />
              <Form action={revokeForm} token={token}>
                <input type="hidden" name="client" value={application.clientId} />
                <button type="submit" class="danger" aria-label={`Take access away: ${application.name}`}>
                  Take access away
                </button>
              </Form>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Application({ application, now }: { application: ApplicationShown; now: number }) {
  const { name, clientUri, scopes, allowedAt } = application;
  return (
    <div>
      <h2>
        <bdi>{name}</bdi>
      </h2>
      {clientUri === null ? null : (
        <p>
          <bdi>{new URL(clientUri).host}</bdi>
        </p>
      )}
      <p>
        {scopes.length === 0
          ? "It knows that you are signed in."
          : scopes.map(({ title }) => title).join(" · ")}
      </p>
      <p class="small">
        Allowed <Time at={allowedAt} now={now} />
      </p>
    </div>
  );
}
