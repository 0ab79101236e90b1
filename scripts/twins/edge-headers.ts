import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { readClientCertificate } from "./client-certificate.ts";

/** Both names begin with `cf-`, so that a client's own copies fall with the rest of that family. */
export const CF_BLOB_HEADER = "cf-edge-blob";
export const FORWARDED_PROTO_HEADER = "cf-edge-proto";

// RFC 9110 §7.6.1. A header named in `Connection` beyond these stays: whether the Worker copes
// with `Connection: x-user-id` is what the attack suite is there to ask.
const HOP_BY_HOP = new Set(["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]);
const BODILESS_BY_DEFAULT = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

/** Name and value by turns, as Node gives and takes raw headers. */
export type RawHeaders = string[];

export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === "websocket";
}

export function clientAddress(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
}

/** What the Worker sees: the client's own headers in their order, then the edge's. */
export function headersForWorker(request: IncomingMessage, rayId: string, authority?: string): RawHeaders {
  const scheme = request.socket instanceof TLSSocket ? "https" : "http";
  const address = clientAddress(request);
  const kept = keepHeaders(request.rawHeaders, (name) => isForTheWorker(name, authority !== undefined));
  if (authority !== undefined) kept.unshift("Host", authority);
  kept.push("CF-Connecting-IP", address, "CF-Ray", rayId, "CF-IPCountry", "XX");
  kept.push("CF-Visitor", JSON.stringify({ scheme }), "X-Forwarded-Proto", scheme);
  kept.push("X-Forwarded-For", forwardedFor(request, address));
  kept.push(FORWARDED_PROTO_HEADER, scheme, CF_BLOB_HEADER, cfBlob(request));
  kept.push(...framing(request));
  return kept;
}

export function headersForClient(rawHeaders: RawHeaders): RawHeaders {
  return keepHeaders(rawHeaders, (name) => !isHopByHop(name));
}

export function totalBytes(rawHeaders: RawHeaders): number {
  // Two bytes stand between a name and its value, two after it.
  return rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);
}

export function countHeader(rawHeaders: RawHeaders, wanted: string): number {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === wanted).length;
}

function isForTheWorker(name: string, replacesHost: boolean): boolean {
  if (isHopByHop(name) || name.startsWith("cf-")) return false;
  // The edge has answered `100 Continue` itself by the time the Worker runs.
  if (name === "expect" || name === "x-forwarded-for" || name === "x-forwarded-proto") return false;
  return !(replacesHost && name === "host");
}

function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name) || name.startsWith("proxy-");
}

function keepHeaders(rawHeaders: RawHeaders, wanted: (name: string) => boolean): RawHeaders {
  const kept: RawHeaders = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (wanted(name.toLowerCase())) kept.push(name, rawHeaders[at + 1] ?? "");
  }
  return kept;
}

function forwardedFor(request: IncomingMessage, address: string): string {
  const before = request.headers["x-forwarded-for"];
  return before ? `${[before].flat().join(", ")}, ${address}` : address;
}

/** The framing of the body, said anew: it belongs to a connection, and losing it would run two requests together. */
function framing(request: IncomingMessage): RawHeaders {
  if (isWebSocketUpgrade(request)) return ["Connection", "Upgrade", "Upgrade", "websocket"];
  if (request.headers["transfer-encoding"] !== undefined) return ["Transfer-Encoding", "chunked"];
  const declared = request.headers["content-length"] !== undefined;
  return declared || BODILESS_BY_DEFAULT.has(request.method ?? "GET") ? [] : ["Content-Length", "0"];
}

/** `request.cf`, in the little that Gatehouse or an upstream might look at. */
function cfBlob(request: IncomingMessage): string {
  const socket = request.socket instanceof TLSSocket ? request.socket : undefined;
  const properties = {
    colo: "LOC",
    country: "XX",
    city: "Localhost",
    continent: "XX",
    timezone: "Etc/UTC",
    asn: 64512,
    asOrganization: "Local",
    httpProtocol: `HTTP/${request.httpVersion}`,
    tlsVersion: socket?.getProtocol() ?? "",
    tlsCipher: socket?.getCipher().standardName ?? "",
    clientAcceptEncoding: request.headers["accept-encoding"] ?? "",
    tlsClientAuth: readClientCertificate(socket),
  };
  return asciiJson(properties);
}

/** A header's value is Latin-1 at best; a certificate's subject may be anything. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
