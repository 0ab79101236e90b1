import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Edge, startEdge } from "../../scripts/twins/edge.ts";
import { CF_BLOB_HEADER, FORWARDED_PROTO_HEADER } from "../../scripts/twins/edge-headers.ts";
import { issueCertificate } from "./certificates.ts";

const authority = issueCertificate("Client CA", 1);
const client = issueCertificate("orders ü", 2, authority);
const stranger = issueCertificate("stranger", 3);
const host = issueCertificate("localhost", 4);

/** In the Worker's place: gives back the headers, where the runtime would read `request.cf`. */
const worker = createServer((received, response) => response.end(JSON.stringify(received.headers)));
let edge: Edge;

beforeAll(async () => {
  await once(worker.listen(0, "127.0.0.1"), "listening");
  const { port } = worker.address() as AddressInfo;
  edge = await startEdge({ port: 0, upstreamPort: port, tls: { ...host, ca: authority.cert } });
});

afterAll(async () => {
  await edge.close();
  worker.close();
});

async function see(options: RequestOptions = {}) {
  const settings = {
    host: "127.0.0.1",
    port: edge.port,
    rejectUnauthorized: false,
    agent: false,
    ...options,
  };
  const call = request(settings).end();
  const [response] = (await once(call, "response")) as [IncomingMessage];
  const headers = JSON.parse(await text(response)) as Record<string, string>;
  const cf = JSON.parse(headers[CF_BLOB_HEADER] ?? "") as {
    tlsVersion: string;
    tlsClientAuth: Record<string, unknown>;
  };
  return { headers, cf };
}

it("tells the Worker the scheme, the TLS version, and that no certificate came", async () => {
  const { headers, cf } = await see();
  expect(edge.url).toBe(`https://localhost:${edge.port}`);
  expect(headers[FORWARDED_PROTO_HEADER]).toBe("https");
  expect(headers["cf-visitor"]).toBe('{"scheme":"https"}');
  expect(cf.tlsVersion).toBe("TLSv1.3");
  expect(cf.tlsClientAuth).toMatchObject({
    certPresented: "0",
    certVerified: "NONE",
    certFingerprintSHA256: "",
  });
});

it("fills every field of a certificate that the authority signed", async () => {
  const { cf } = await see({ key: client.key, cert: client.cert + authority.cert });
  const expected = new X509Certificate(client.cert);
  expect(cf.tlsClientAuth).toEqual({
    certPresented: "1",
    certVerified: "SUCCESS",
    certRevoked: "0",
    certIssuerDN: "CN=Client CA,O=Gatehouse Tests",
    certIssuerDNRFC2253: "CN=Client CA,O=Gatehouse Tests",
    certIssuerDNLegacy: "/O=Gatehouse Tests/CN=Client CA",
    certSubjectDN: "CN=orders ü,O=Gatehouse Tests",
    certSubjectDNRFC2253: "CN=orders ü,O=Gatehouse Tests",
    certSubjectDNLegacy: "/O=Gatehouse Tests/CN=orders ü",
    certSerial: "02",
    certIssuerSerial: "01",
    certSKI: client.ski,
    certIssuerSKI: authority.ski,
    certFingerprintSHA256: expected.fingerprint256.replaceAll(":", "").toLowerCase(),
    certFingerprintSHA1: expected.fingerprint.replaceAll(":", "").toLowerCase(),
    certNotBefore: "Jan  1 00:00:00 2025 GMT",
    certNotAfter: "Dec 31 23:59:59 2049 GMT",
    certRFC9440: `:${expected.raw.toString("base64")}:`,
    certRFC9440TooLarge: false,
    certChainRFC9440: "",
    certChainRFC9440TooLarge: false,
  });
});

it("lets a certificate of nobody's through, and says that it failed", async () => {
  const { cf } = await see({ key: stranger.key, cert: stranger.cert });
  expect(cf.tlsClientAuth).toMatchObject({
    certPresented: "1",
    certVerified: "FAILED:self signed certificate",
    certSerial: "03",
  });
});
