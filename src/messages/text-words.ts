/** What is sent to a telephone. */
export type TextMessage =
  | { readonly template: "sign-in-code" | "number-code"; readonly to: string; readonly code: string }
  | { readonly template: "number-gone"; readonly to: string };

/**
 * Its words, in letters that every network carries and in one part where the host's name is not long. The last line of a
 * code is the form that telephones read: they offer to fill it in at that host, and nowhere else.
 */
export function wordsOfText(message: TextMessage, issuer: string): string {
  const { host, hostname } = new URL(issuer);
  if (message.template === "number-gone") {
    return `This number receives no sign-in codes for ${host} any more. If that was not you, choose a new password there now.`;
  }
  const { code, template } = message;
  const what = template === "sign-in-code" ? "is your code for" : "confirms this number at";
  return `${code} ${what} ${host}. It works once, for 5 minutes. Give it to nobody.\n\n@${hostname} #${code}`;
}
