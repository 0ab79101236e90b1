import type { JWTPayload } from "jose";
import type { Principal } from "../authentication/principal.ts";
import { identityClaims } from "./identity-headers.ts";

const identityTyp = "gatehouse-identity+jwt";
const lifeSeconds = 60;
/** A token is handed out again for this long, so that it always has at least 40 seconds to live. */
const reusedSeconds = 20;
/** Two thousand of at most a few KB each: a caller who asks for long URLs cannot fill the isolate's memory. */
const tokensMax = 2000;
const claimsLengthMax = 1500;

type Call = { readonly audience: string; readonly method: string; readonly url: string };

/** One for as long as it is handed out: what is made of it can be kept beside it. */
export type Identity = { readonly token: string; readonly madeAtSeconds: number };

/**
 * Signed identities for upstreams. The same caller making the same call again gets the same token for a while: a
 * signature costs more than the rest of a warm check. A token says who was let in, never that he still would be: the
 * decision itself is made anew for each request.
 */
export function createIdentityTokens(options: {
  sign: (typ: string, claims: JWTPayload) => Promise<string>;
  issuer: string;
  now: () => number;
}) {
  const held = new Map<string, Identity>();
  const texts = new WeakMap<Principal, string>();

  /** Everything a token says of a caller. JSON holds no line break, nor does a method, a URL or an audience. */
  function writtenOut(principal: Principal): string {
    const known = texts.get(principal);
    if (known !== undefined) return known;
    const text = JSON.stringify(principal);
    texts.set(principal, text);
    return text;
  }

  async function made(name: string, principal: Principal, call: Call, nowSeconds: number): Promise<Identity> {
    const token = await options.sign(identityTyp, {
      ...identityClaims(principal, { issuer: options.issuer, ...call }),
      iat: nowSeconds,
      exp: nowSeconds + lifeSeconds,
    });
    const identity = { token, madeAtSeconds: nowSeconds };
    if (name.length > claimsLengthMax) return identity;
    held.delete(name);
    held.set(name, identity);
    if (held.size > tokensMax) held.delete(held.keys().next().value ?? "");
    return identity;
  }

  return {
    /** No promise when it is at hand. */
    identityFor(principal: Principal, call: Call): Identity | Promise<Identity> {
      const nowSeconds = Math.floor(options.now() / 1000);
      const name = `${writtenOut(principal)}\n${call.method}\n${call.audience}\n${call.url}`;
      const known = held.get(name);
      const age = known ? nowSeconds - known.madeAtSeconds : lifeSeconds;
      if (known && age >= 0 && age < reusedSeconds) return known;
      return made(name, principal, call, nowSeconds);
    },
  };
}

export type IdentityTokens = ReturnType<typeof createIdentityTokens>;
