import { isSecretOf } from "../client-secret.ts";
import type { ClientAuthenticationMethod } from "./method.ts";

const basic = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i;
const exactly = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Id and secret in the Authorization header, each form-urlencoded before Basic encodes them (RFC 6749 §2.3.1). */
export const clientSecretBasic = (now: () => number): ClientAuthenticationMethod => ({
  name: "client_secret_basic",
  isTried: ({ authorization }) => authorization !== null,
  read({ authorization }) {
    const text = textOf(basic.exec(authorization ?? "")?.[1] ?? "");
    const colon = text?.indexOf(":") ?? -1;
    if (text === null || colon < 0) return null;
    const clientId = decoded(text.slice(0, colon));
    const proof = decoded(text.slice(colon + 1));
    return clientId === null || proof === null ? null : { clientId, proof };
  },
  verify: async (client, proof) =>
    (await isSecretOf(client, proof, new Date(now()))) ? null : "wrong_secret",
});

function textOf(encoded: string): string | null {
  try {
    return exactly.decode(Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part.replaceAll("+", " "));
  } catch {
    return null;
  }
}
