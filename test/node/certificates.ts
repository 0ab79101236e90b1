import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export type Issued = { cert: string; key: string; privateKey: KeyObject; name: string; ski: string };

const OID = {
  ecdsaWithSha256: "06082a8648ce3d040302",
  commonName: "0603550403",
  organization: "060355040a",
  basicConstraints: "0603551d13",
  subjectKeyId: "0603551d0e",
};

/** An X.509 certificate (RFC 5280 §4.1) over a fresh P-256 key, by `issuer` or by itself; good for decades. */
export function issueCertificate(name: string, serial: number, issuer?: Issued): Issued {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ski = Buffer.alloc(20, serial);
  const algorithm = der(0x30, hex(OID.ecdsaWithSha256));
  const signed = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([serial])),
    algorithm,
    nameOf(issuer?.name ?? name),
    der(0x30, der(0x17, Buffer.from("250101000000Z")), der(0x17, Buffer.from("491231235959Z"))),
    nameOf(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      der(
        0x30,
        extension(OID.basicConstraints, issuer ? der(0x30) : der(0x30, der(0x01, Buffer.from([0xff])))),
        extension(OID.subjectKeyId, der(0x04, ski)),
      ),
    ),
  );
  const signature = sign("sha256", signed, issuer?.privateKey ?? privateKey);
  const certificate = der(0x30, signed, algorithm, der(0x03, Buffer.from([0]), signature));
  const body = certificate.toString("base64").match(/.{1,64}/g);
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${body?.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    privateKey,
    name,
    ski: ski.toString("hex"),
  };
}

function nameOf(commonName: string): Buffer {
  return der(0x30, attribute(OID.organization, "Gatehouse Tests"), attribute(OID.commonName, commonName));
}

function attribute(oid: string, value: string): Buffer {
  return der(0x31, der(0x30, hex(oid), der(0x0c, Buffer.from(value))));
}

function extension(oid: string, value: Buffer): Buffer {
  return der(0x30, hex(oid), der(0x04, value));
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}
