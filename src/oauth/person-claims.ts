import type { PersonTold } from "./grants.store.ts";
import { claimNames, claimsOfScope } from "./requested-claims.ts";

/** Claims of a person, by what was granted as a scope and by those that were asked for one by one (OIDC Core §5.5). */
export function personClaims(
  person: Pick<PersonTold, "email" | "updatedAt">,
  granted: { readonly scopes: readonly string[]; readonly claims: readonly string[] },
): Record<string, unknown> {
  const all: Readonly<Record<(typeof claimNames)[number], unknown>> = {
    email: person.email,
    // No account is there before its address was confirmed, or an operator vouched for it.
    email_verified: true,
    updated_at: Math.floor(person.updatedAt.getTime() / 1000),
  };
  const ofScopes = Object.entries(claimsOfScope).flatMap(([scope, told]) =>
    granted.scopes.includes(scope) ? told : [],
  );
  const names = new Set<string>([...ofScopes, ...granted.claims]);
  return Object.fromEntries(claimNames.filter((name) => names.has(name)).map((name) => [name, all[name]]));
}
