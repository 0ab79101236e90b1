import { type Change, isEnding, isTokenKind } from "./ending.ts";

/** What an ending says beyond its subject, in milliseconds. */
export type Span = { readonly issuedBefore: number; readonly expiresAt: number };
export type Heard = {
  readonly number: number;
  readonly kind: string;
  readonly subjectId: string;
  /** Of the token kinds only; null also when it cannot be read. */
  readonly span: Span | null;
};

const spanPattern = /^(\d{1,16})-(\d{1,16})$/;

/** `kind:subject`, and for what ends tokens `kind:<issued before>-<expires at>:subject`. A subject may hold colons. */
export function memberTextOf(change: Change): string {
  if (!isEnding(change)) return `${change.kind}:${change.subjectId}`;
  return `${change.kind}:${change.notedAt.getTime()}-${change.expiresAt.getTime()}:${change.subjectId}`;
}

/** A member of the feed: `<number>:<random text>:` and the text above. */
export function parseMember(member: string): Heard {
  const [number, , kind = "", ...rest] = member.split(":");
  if (!isTokenKind(kind)) {
    return { number: Number(number), kind, subjectId: rest.join(":"), span: null };
  }
  const [, issuedBefore, expiresAt] = spanPattern.exec(rest[0] ?? "") ?? [];
  return {
    number: Number(number),
    kind,
    subjectId: rest.slice(1).join(":"),
    span: issuedBefore ? { issuedBefore: Number(issuedBefore), expiresAt: Number(expiresAt) } : null,
  };
}

export const numberOf = (member: string): number => Number(member.slice(0, member.indexOf(":")));
