/** Where a person goes who came for nothing in particular. */
export const homePath = "/account";
const lengthMax = 2048;
/** The request of an application that waits for its person, with all that it carries along. */
const waitingRequest = "/oauth/authorize?";
export const waitingLengthMax = 4096;

/**
 * RFC 9700 §4.11: where somebody is sent after signing in is a path of ours, or home. Printable ASCII only, so that no
 * browser, proxy or normalisation can read it in another way; no backslash, which browsers take for a slash; and what it
 * becomes when it is resolved must be of our origin and begin with one slash.
 */
export function parseReturnTo(text: string | null | undefined, issuer: string): string {
  const max = text?.startsWith(waitingRequest) ? waitingLengthMax : lengthMax;
  if (!text || text.length > max || !/^\/[\x21-\x7e]*$/.test(text) || text.includes("\\")) return homePath;
  const base = `${issuer}/`;
  if (!URL.canParse(text, base)) return homePath;
  const url = new URL(text, base);
  if (url.origin !== issuer || url.pathname.startsWith("//")) return homePath;
  return `${url.pathname}${url.search}${url.hash}`;
}
