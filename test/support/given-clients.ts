import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { type ClientMetadata, standardMetadata } from "../../src/oauth/client.ts";
import { type Isolate, issuer, unique } from "./given.ts";

export const clientOperator = ({ background }: Pick<Isolate, "background">) => ({
  actor: { type: "operator", id: "given" } as const,
  origin: { requestId: "given", address: "192.0.2.1", country: null },
  background,
});

/** A fresh client: a server's own, with a secret, that may have tokens for itself. */
export async function givenClient(isolate: Isolate, metadata: Partial<ClientMetadata> = {}) {
  const made = await isolate.rooms.clients.create(
    {
      ...standardMetadata,
      name: unique("client"),
      grantTypes: ["client_credentials"],
      responseTypes: [],
      scopes: ["orders.read", "orders.write"],
      ...metadata,
    },
    clientOperator(isolate),
  );
  await isolate.settle();
  return { ...made, id: made.client.id, secret: made.secret ?? "" };
}

/** A client of browsers and applications, that keeps no secret. */
export const givenPublicClient = (isolate: Isolate, metadata: Partial<ClientMetadata> = {}) =>
  givenClient(isolate, {
    authenticationMethod: "none",
    grantTypes: ["authorization_code", "refresh_token"],
    responseTypes: ["code"],
    redirectUris: ["https://app.example/cb"],
    ...metadata,
  });

/** A client that signs its assertions, and a way to sign more of them than it should. */
export async function givenKeyClient(isolate: Isolate, metadata: Partial<ClientMetadata> = {}) {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "one" }] };
  const client = await givenClient(isolate, { authenticationMethod: "private_key_jwt", jwks, ...metadata });
  const assertion = (claims: JWTPayload = {}, header: { kid?: string } = { kid: "one" }) => {
    const now = Math.floor(isolate.clock.now() / 1000);
    return new SignJWT({
      iss: client.id,
      sub: client.id,
      aud: issuer,
      jti: unique("jti"),
      iat: now,
      exp: now + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256", ...header })
      .sign(privateKey);
  };
  return { ...client, privateKey, assertion };
}

export const assertedBy = (assertion: string) => ({
  client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  client_assertion: assertion,
});

export const askedNow = ({ rooms, background }: Isolate) => ({
  arrivedAt: rooms.revocation.mark(),
  background,
});

/** RFC 6749 §2.3.1: form-urlencoded, then Basic. */
export function basic(id: string, secret: string): Record<string, string> {
  const encoded = (text: string) => new URLSearchParams({ "": text }).toString().slice(1);
  return { authorization: `Basic ${btoa(`${encoded(id)}:${encoded(secret)}`)}` };
}

type Form = Readonly<Record<string, string>> | readonly (readonly [string, string])[] | string;

export const form = (fields: Form, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  body:
    typeof fields === "string"
      ? fields
      : new URLSearchParams(
          Array.isArray(fields) ? fields.map((pair) => [...pair]) : { ...(fields as Record<string, string>) },
        ).toString(),
  headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
});

export type OauthAnswer = Readonly<Record<string, unknown>> & { readonly access_token: string };
