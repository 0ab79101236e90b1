import { AuthError } from "../errors/auth-error.ts";
import type { IdentityScope } from "../tokens/tables.ts";
import { oneOf, type Parameters } from "./parameters.ts";

/** A scope as a person reads it; `isGrave`: it stands last on the page of consent, and marked. */
export type ScopeShown = {
  readonly name: string;
  readonly title: string;
  readonly description: string | null;
  readonly isGrave: boolean;
};

/** OIDC Core §5.4 and §11: scopes about the person, which no operator assigns. In the order in which they are shown. */
const known: Readonly<Record<IdentityScope, Omit<ScopeShown, "name">>> = {
  openid: {
    title: "Know that it is you",
    description: "It gets an identifier of your account, and when and how you signed in.",
    isGrave: false,
  },
  profile: { title: "See your profile", description: "Your name, where you gave one.", isGrave: false },
  email: { title: "See your email address", description: null, isGrave: false },
  address: { title: "See your postal address", description: null, isGrave: false },
  phone: { title: "See your telephone number", description: null, isGrave: false },
  offline_access: {
    title: "Act for you when you are not there",
    description: "It keeps its access after you sign out, until you take it away.",
    isGrave: true,
  },
};

export const identityScopeNames = Object.keys(known) as readonly IdentityScope[];
export const isIdentityScope = (scope: string): scope is IdentityScope => Object.hasOwn(known, scope);

const lastPlace = identityScopeNames.length;

/** Scopes as the page of consent lists them: those of APIs by their own names, the grave ones last. */
export function scopesShown(scopes: readonly string[]): ScopeShown[] {
  const shown = scopes.map((name): ScopeShown => {
    if (isIdentityScope(name)) return { name, ...known[name] };
    return { name, title: name, description: "A right at an API of this service.", isGrave: false };
  });
  const order = (one: ScopeShown): number => {
    const at = identityScopeNames.indexOf(one.name as IdentityScope);
    if (one.isGrave) return 2 * lastPlace;
    return at === -1 ? lastPlace : at;
  };
  return shown.toSorted((one, other) => order(one) - order(other));
}

/** RFC 6749 §3.3: tokens of printable ASCII without `"` and `\`, by one space; null: something else. Each once. */
export function parseScope(text: string): string[] | null {
  const scopes = text.split(" ").filter((one) => one !== "");
  const isShaped = scopes.every((one) => /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(one));
  return isShaped && scopes.length <= 100 ? [...new Set(scopes)] : null;
}

/** What is asked for of what there is, all of it when nothing is said (RFC 6749 §3.3). Throws `invalid_scope`: never more. */
export function narrowed(ceiling: readonly string[], parameters: Parameters): readonly string[] {
  const text = oneOf(parameters, "scope");
  const scopes = text === null ? ceiling : parseScope(text);
  if (!scopes?.every((scope) => ceiling.includes(scope))) throw new AuthError("invalid_scope");
  return scopes;
}

/** Nobody gives away what is not theirs: a right at an API that the person has not is left out. */
export const heldBy = (
  scopes: readonly string[],
  account: { readonly scopes: readonly string[] },
): string[] => scopes.filter((scope) => isIdentityScope(scope) || account.scopes.includes(scope));
