type Sent = {
  readonly key?: string;
  readonly bearer?: string;
  readonly json?: string;
  readonly address?: string;
};

/** What an edge hands over: every subject gets the same header fields, floors too. */
export function requestOf(
  method: "GET" | "POST",
  path: string,
  { key, bearer, json, address }: Sent,
): string {
  const body = json === undefined ? "" : json;
  const framing = method === "GET" ? "" : `Content-Length: ${body.length}\r\n`;
  const type = json === undefined ? "" : "Content-Type: application/json\r\n";
  const proof =
    (key === undefined ? "" : `X-API-Key: ${key}\r\n`) +
    (bearer === undefined ? "" : `Authorization: Bearer ${bearer}\r\n`);
  const from = address ?? "203.0.113.7";
  return (
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\nAccept: */*\r\n` +
    `Accept-Encoding: gzip\r\nCF-Connecting-IP: ${from}\r\nCF-Ray: 8f2a1c3d4e5f6a7b-LOC\r\nCF-IPCountry: XX\r\n` +
    `X-Forwarded-Proto: https\r\nX-Forwarded-For: ${from}\r\n${proof}${type}${framing}\r\n${body}`
  );
}
