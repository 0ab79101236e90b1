import type { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";

/** What Cloudflare puts into `request.cf.tlsClientAuth`; all texts but for the two flags. */
export type TlsClientAuth = Record<string, string | boolean>;

const LEAF_BYTES_MAX = 10 * 1024;
const CHAIN_BYTES_MAX = 16 * 1024;

// The names that Node gives to OpenSSL's verdicts, as the platform words them.
const VERDICTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "certificate has expired",
  CERT_NOT_YET_VALID: "certificate is not yet valid",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self signed certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "self signed certificate in certificate chain",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unable to get local issuer certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unable to verify the first certificate",
};

const ABSENT: Readonly<TlsClientAuth> = {
  certPresented: "0",
  certVerified: "NONE",
  certRevoked: "0",
  certIssuerDN: "",
  certSubjectDN: "",
  certIssuerDNRFC2253: "",
  certSubjectDNRFC2253: "",
  certIssuerDNLegacy: "",
  certSubjectDNLegacy: "",
  certSerial: "",
  certIssuerSerial: "",
  certSKI: "",
  certIssuerSKI: "",
  certFingerprintSHA256: "",
  certFingerprintSHA1: "",
  certNotBefore: "",
  certNotAfter: "",
  certRFC9440: "",
  certRFC9440TooLarge: false,
  certChainRFC9440: "",
  certChainRFC9440TooLarge: false,
};

/** The certificate that the client presented on this connection, or the platform's placeholder. */
export function readClientCertificate(socket: TLSSocket | undefined): TlsClientAuth {
  const certificate = socket?.getPeerX509Certificate();
  if (!socket || !certificate) return { ...ABSENT };
  const issuers = issuersOf(socket);
  const leaf = byteSequence(certificate.raw);
  const chain = issuers.filter((issuer) => !isSelfIssued(issuer)).map((issuer) => byteSequence(issuer.raw));
  const chainText = chain.join(", ");
  return {
    ...ABSENT,
    ...namesOf(certificate),
    certPresented: "1",
    certVerified: verdictOf(socket),
    certSerial: certificate.serialNumber.toLowerCase(),
    certIssuerSerial: issuers[0]?.serialNumber.toLowerCase() ?? "",
    certSKI: subjectKeyId(certificate.raw),
    certIssuerSKI: issuers[0] ? subjectKeyId(issuers[0].raw) : "",
    certFingerprintSHA256: withoutColons(certificate.fingerprint256),
    certFingerprintSHA1: withoutColons(certificate.fingerprint),
    certNotBefore: certificate.validFrom,
    certNotAfter: certificate.validTo,
    certRFC9440: leaf.length > LEAF_BYTES_MAX ? "" : leaf,
    certRFC9440TooLarge: leaf.length > LEAF_BYTES_MAX,
    certChainRFC9440: chainText.length > CHAIN_BYTES_MAX ? "" : chainText,
    certChainRFC9440TooLarge: chainText.length > CHAIN_BYTES_MAX,
  };
}

function verdictOf(socket: TLSSocket): string {
  if (socket.authorized) return "SUCCESS";
  // The type says Error; on the server's side the runtime gives the verdict's code.
  const code = String(socket.authorizationError);
  return `FAILED:${VERDICTS[code] ?? code.toLowerCase().replaceAll("_", " ")}`;
}

function namesOf(certificate: X509Certificate): TlsClientAuth {
  const issuer = certificate.issuer.split("\n");
  const subject = certificate.subject.split("\n");
  return {
    certIssuerDN: issuer.toReversed().join(","),
    certSubjectDN: subject.toReversed().join(","),
    certIssuerDNRFC2253: issuer.toReversed().join(","),
    certSubjectDNRFC2253: subject.toReversed().join(","),
    certIssuerDNLegacy: issuer.map((part) => `/${part}`).join(""),
    certSubjectDNLegacy: subject.map((part) => `/${part}`).join(""),
  };
}

/** The issuers above the leaf, nearest first; Node ends the chain with a certificate that issued itself. */
function issuersOf(socket: TLSSocket): DetailedPeerCertificate[] {
  const issuers: DetailedPeerCertificate[] = [];
  let current: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (current && !isSelfIssued(current)) {
    current = current.issuerCertificate;
    if (current) issuers.push(current);
  }
  return issuers;
}

function isSelfIssued(certificate: DetailedPeerCertificate): boolean {
  return certificate.issuerCertificate?.fingerprint256 === certificate.fingerprint256;
}

/** RFC 9440 §2.1: a structured-field byte sequence. */
function byteSequence(der: Buffer): string {
  return `:${der.toString("base64")}:`;
}

function withoutColons(fingerprint: string): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}

/** RFC 5280 §4.2.1.2: the extension is an octet string (04) that holds an octet string (04). */
function subjectKeyId(der: Buffer): string {
  const oid = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x0e]);
  const at = der.indexOf(oid);
  if (at < 0) return "";
  const outer = at + oid.length;
  const length = der[outer + 3];
  if (der[outer] !== 0x04 || der[outer + 2] !== 0x04 || length === undefined) return "";
  return der.subarray(outer + 4, outer + 4 + length).toString("hex");
}
