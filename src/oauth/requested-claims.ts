import type { IdentityScope, RequestedClaims } from "../tokens/tables.ts";

/** OIDC Core §5.5: claims asked for one by one. */
export type ClaimsAsked = {
  /** Null: nothing that we could tell. */
  readonly requested: RequestedClaims | null;
  /** A person that must be the one who signs in (OIDC Core §5.5.1). */
  readonly subject: string | null;
  /** How strongly, or nothing (OIDC Core §5.5.1.1): one of these, and without it an error. */
  readonly essentialAcr: readonly string[];
};

const lengthMax = 4096;
/** OIDC Core §5.4: what each scope lets a client know. Of a name, an address or a telephone there is nothing to tell. */
export const claimsOfScope = {
  email: ["email", "email_verified"],
  profile: ["updated_at"],
} as const satisfies Partial<Record<IdentityScope, readonly string[]>>;

const scopesByClaim = Object.entries(claimsOfScope) as [keyof typeof claimsOfScope, readonly string[]][];
/** What of a person may be asked for by name; others are ignored, as OIDC Core §5.5.1 has it. */
export const claimNames = Object.values(claimsOfScope).flat();

/** What a person must agree to before these are told. */
export const scopesOfClaims = (claims: readonly string[]): string[] =>
  scopesByClaim.flatMap(([scope, told]) => (told.some((claim) => claims.includes(claim)) ? [scope] : []));

/** Null: it is no JSON object, or too long. What the client's own scopes would not let it know is left out. */
export function parseClaims(text: string | null, clientScopes: readonly string[]): ClaimsAsked | null {
  if (text === null) return { requested: null, subject: null, essentialAcr: [] };
  const claims = text.length > lengthMax ? null : objectOf(parsed(text));
  if (!claims) return null;
  const idToken = objectOf(claims["id_token"]) ?? {};
  const userinfo = objectOf(claims["userinfo"]) ?? {};
  const acr = objectOf(idToken["acr"]);
  const subjects = valuesOf(objectOf(idToken["sub"]));
  const names = claimNames.filter((name) =>
    scopesOfClaims([name]).every((one) => clientScopes.includes(one)),
  );
  const namesIn = (asked: Record<string, unknown>) => names.filter((name) => Object.hasOwn(asked, name));
  const told = { idToken: namesIn(idToken), userinfo: namesIn(userinfo) };
  return {
    requested: told.idToken.length + told.userinfo.length > 0 ? told : null,
    subject: subjects[0] ?? null,
    essentialAcr: acr?.["essential"] === true ? valuesOf(acr) : [],
  };
}

function valuesOf(asked: Record<string, unknown> | null): string[] {
  const { value, values } = asked ?? {};
  const all: unknown[] = Array.isArray(values) ? values : [value];
  return all.filter((one) => typeof one === "string");
}

const objectOf = (value: unknown): Record<string, unknown> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
