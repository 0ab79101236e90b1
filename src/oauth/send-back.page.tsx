import type { PageShell } from "../http/page.tsx";
import { type Answer, addressOf } from "./answer.ts";
import type { Reply } from "./authorization-request.ts";
import type { Client } from "./client.ts";

/**
 * Sends an answer to a client, which only a `TrustedRedirect` can be. After a form of ours it goes by way of a page:
 * browsers hold a form's whole chain of redirects, the client's own included, to the page's `form-action`, and no list of
 * hosts that we could write there would be the right one. Everybody else gets 303, never 307 (RFC 9700 §4.12).
 */
export function sendBack(
  { reply, answer, client }: { reply: Reply; answer: Answer; client: Pick<Client, "name"> },
  request: Request,
  shell: PageShell,
): Response {
  const title = "Going back";
  if (reply.mode === "form_post") {
    const content = <PostBackContent uri={reply.redirect.uri} answer={answer} name={client.name} />;
    return shell.page({ title, content, formAction: "https: http:" });
  }
  const location = addressOf(reply, answer);
  const isAfterForm = request.headers.get("sec-fetch-site") === "same-origin";
  const isNavigation = (request.headers.get("sec-fetch-mode") ?? "navigate") === "navigate";
  if (!isAfterForm || !isNavigation) {
    return new Response(null, { status: 303, headers: { location, "cache-control": "no-store" } });
  }
  const content = <GoBackContent location={location} name={client.name} />;
  return shell.page({ title, content, headers: { refresh: `0;url=${location}` } });
}

function GoBackContent({ location, name }: { location: string; name: string }) {
  return (
    <>
      <h1>Going back</h1>
      <p>
        You are on your way to <bdi>{name}</bdi>. If nothing happens, go on yourself.
      </p>
      <p>
        <a class="button primary" href={location}>
          Continue
        </a>
      </p>
    </>
  );
}

/** OAuth 2.0 Form Post Response Mode §2. */
function PostBackContent({ uri, answer, name }: { uri: string; answer: Answer; name: string }) {
  return (
    <>
      <h1>Going back</h1>
      <p>
        You are on your way to <bdi>{name}</bdi>. If nothing happens, go on yourself.
      </p>
      <form method="post" action={uri} data-at-once>
        {Object.entries(answer).map(([field, value]) => (
          <input type="hidden" name={field} value={value} />
        ))}
        <button type="submit" class="primary">
          Continue
        </button>
      </form>
    </>
  );
}
