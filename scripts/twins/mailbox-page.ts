import type { TwinAnswer } from "./faulty-server.ts";
import type { Message } from "./mailbox.ts";

/** A page to read codes and links from while trying things out. Message HTML is shown as its source, never run. */
export function mailboxPage(messages: readonly Message[]): TwinAnswer {
  const items = messages.map(
    (message) => `<article>
<h2>${escapeHtml(message.subject || "(no subject)")}</h2>
<p><b>${message.channel}</b> to <b>${escapeHtml(message.to)}</b> <time>${escapeHtml(message.sent_at)}</time></p>
<pre>${withLinks(escapeHtml(message.text || message.html))}</pre>
</article>`,
  );
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid; padding: 0.5rem 0; }
h2 { font-size: 1.1rem; margin: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>Mailbox</h1>
<p>${messages.length === 0 ? "Nothing has been sent yet." : `${messages.length} messages, newest first.`}</p>
${items.join("\n")}
</body>
</html>
`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
  };
  return { status: 200, headers, body };
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/** Works on escaped text: only http addresses become links, so no other scheme can be reached by a click. */
function withLinks(escaped: string): string {
  return escaped.replace(
    /https?:\/\/(?:(?!&quot;|&#39;|&lt;|&gt;)\S)+/g,
    (url) => `<a href="${url}">${url}</a>`,
  );
}
