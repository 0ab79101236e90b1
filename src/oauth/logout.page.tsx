import { Form } from "../http/form-fields.tsx";

export function LogoutContent({ token, email, request }: { token: string; email: string; request: string }) {
  return (
    <>
      <h1>Sign out?</h1>
      <p>
        You are signed in as <bdi>{email}</bdi>. An application asks that you be signed out here.
      </p>
      <div class="stack">
        <Form action="/oauth/logout/confirmed" token={token}>
          <input type="hidden" name="request" value={request} />
          <button type="submit" class="primary whole">
            Sign out
          </button>
        </Form>
        <p class="after links">
          <a href="/account">Stay signed in</a>
        </p>
      </div>
    </>
  );
}

export function SignedOutContent() {
  return (
    <>
      <h1>You are signed out</h1>
      <p>Applications that you use may still know you: sign out there as well.</p>
      <p>
        <a class="button" href="/login">
          Sign in again
        </a>
      </p>
    </>
  );
}
