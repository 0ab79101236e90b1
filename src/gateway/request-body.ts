/** A method that would show an upstream's view of our headers to whoever asks (RFC 9110 §9.3.8). */
export const refusedMethods: ReadonlySet<string> = new Set(["TRACE", "CONNECT", "TRACK"]);
/** A body would have no meaning here, and is a means of smuggling (RFC 9110 §9.3.1); the runtime cannot send it either. */
export const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD"]);
/** The runtime gives an empty stream to a GET that says `Content-Length: 0`. */
export const hasBody = ({ body, headers }: Request): boolean =>
  body !== null && headers.get("content-length") !== "0";
export const bodyOf = (request: Request): ReadableStream | null =>
  bodiless.has(request.method) ? null : request.body;
