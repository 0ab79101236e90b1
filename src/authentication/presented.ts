export type Presented =
  | { readonly found: "none" }
  | { readonly found: "several" }
  | { readonly found: "api-key"; readonly text: string }
  | { readonly found: "bearer"; readonly text: string }
  /** An Authorization scheme that is not ours, such as Basic: an upstream's own matter on a public route. */
  | { readonly found: "foreign" };

const bearer = /^bearer +(\S+) *$/i;
/** Two header fields of one name arrive joined by a comma (RFC 9110 §5.3); a bearer token holds none. */
const secondCredential = /,\s*[A-Za-z-]+\s+\S|^bearer\s[^,]*,/i;

/** The one credential of a request. Two, or one twice, are refused: which of them counts would be a guess (RFC 6750 §2). */
export function readPresented(headers: Headers): Presented {
  const keyHeader = headers.get("x-api-key");
  const authorization = headers.get("authorization");
  const key = keyHeader?.trim() ? keyHeader.trim() : null;
  if (key !== null && authorization !== null) return { found: "several" };
  if (key !== null) return key.includes(",") ? { found: "several" } : { found: "api-key", text: key };
  if (authorization === null || authorization.trim() === "") return { found: "none" };
  const text = bearer.exec(authorization)?.[1];
  if (text === undefined)
    return secondCredential.test(authorization) ? { found: "several" } : { found: "foreign" };
  if (text.includes(",")) return { found: "several" };
  return text.startsWith("gk_") ? { found: "api-key", text } : { found: "bearer", text };
}
