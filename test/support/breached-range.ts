import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

/** Known from a breach, and named by padding only. */
const leaked = "a leaked passphrase of old";
const padded = "a padded passphrase of old";

const sha1 = (text: string): string => createHash("sha1").update(text).digest("hex").toUpperCase();

/**
 * A service of breached passwords: `/breached/<mode>/range/<five digits>`. Modes: `well`, `hang`, `huge`, `error`, `moved`;
 * all but `well` would name the password too, if they were believed.
 */
export function answerBreachedRange(
  pathname: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const [, , mode, , prefix = ""] = pathname.split("/");
  const isAnonymous = /^[0-9A-F]{5}$/.test(prefix) && request.headers["add-padding"] === "true";
  if (!isAnonymous || mode === "error") response.statusCode = isAnonymous ? 500 : 400;
  if (mode === "moved") response.writeHead(302, { location: "/breached/well/range/00000" });
  const lines = [`${sha1(leaked).slice(5)}:42`, `${sha1(padded).slice(5)}:0`];
  const filler = Array.from(
    { length: mode === "huge" ? 20_000 : 800 },
    (_, index) => `${sha1(`${index}`).slice(5)}:3`,
  );
  if (mode === "hang") return;
  response.end([...filler, ...lines].join("\r\n"));
}
