/**
 * A mail address as it is kept. `canonical` is the one by which accounts are found: two spellings that a mail system, a
 * font or a change of case may confuse are one account, or are no address at all.
 */
export type EmailAddress = { readonly email: string; readonly canonical: string };

const writtenMax = 1024;
/** RFC 5321 §4.5.3.1: 64 octets before the at sign, 254 in all that fit into a path. */
const localPartMax = 64;
const addressMax = 254;

/**
 * RFC 5322 §3.4.1's dot-atom, less what once routed mail through a host of the sender's choice (`%` and `!`). ASCII alone:
 * what compatibility and case do not bring to ASCII, such as a dotless i, only looks like somebody else.
 */
const localPart = /^[a-z0-9#$&'*+/=?^_{|}~-]+(?:\.[a-z0-9#$&'*+/=?^_{|}~-]+)*$/i;
const writtenDomain = /^(?:[a-z0-9.-]|[^\p{ASCII}])+$/iu;
const domain = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z][a-z0-9-]{0,61}[a-z0-9])$/;
const invisible = /[\p{Default_Ignorable_Code_Point}\u00AD]/gu;

/** Null for what is no single address: several, a list, a name beside it, control characters, a literal IP. */
export function parseEmailAddress(input: unknown): EmailAddress | null {
  if (typeof input !== "string" || input.length > writtenMax || !input.isWellFormed()) return null;
  // NFKC brings fullwidth letters and the Kelvin sign to the letters they are taken for.
  const written = input.replaceAll(invisible, "").normalize("NFKC").trim();
  const at = written.lastIndexOf("@");
  const local = written.slice(0, Math.max(at, 0));
  const host = asciiHost(written.slice(at + 1));
  if (at < 1 || host === null || local.length > localPartMax || !localPart.test(local)) return null;
  const email = `${local}@${host}`;
  return email.length > addressMax ? null : { email, canonical: email.toLowerCase() };
}

/** An internationalised domain as mail systems know it (RFC 5891 §4.4), without the dot of the root. */
function asciiHost(written: string): string | null {
  if (!writtenDomain.test(written)) return null;
  const url = `https://${written.replace(/[.\u3002]$/, "")}`;
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  return domain.test(host) ? host : null;
}
