// Tells the three voices of a source file apart: code, literals and comments.
import { type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";

export interface Span {
  readonly pos: number;
  readonly text: string;
}

export interface Prose {
  /** The text with the inside of literals and all comments blanked; line breaks stay where they were. */
  readonly bare: string;
  readonly comments: readonly Span[];
  /** Strings, template parts and JSX text; not regular expressions, which are code. */
  readonly literals: readonly Span[];
}

const literalKinds: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateHead,
  SyntaxKind.TemplateMiddle,
  SyntaxKind.TemplateTail,
  SyntaxKind.JsxText,
]);

export function proseOf(text: string, ast: SourceFile, nodes: readonly Node[]): Prose {
  const literals: Span[] = [];
  const masked: Span[] = [];
  for (const node of nodes) {
    const isLiteral = literalKinds.has(node.kind);
    if (!isLiteral && node.kind !== SyntaxKind.RegularExpressionLiteral) continue;
    // JSX text begins where its trivia would: white space there is content.
    const pos = node.kind === SyntaxKind.JsxText ? node.pos : node.getStart(ast);
    const span = { pos, text: text.slice(pos, node.end) };
    masked.push(span);
    if (isLiteral) literals.push(span);
  }
  const withoutLiterals = blank(text, masked, '"');
  const comments = findComments(withoutLiterals).map(({ pos, text: found }) => ({
    pos,
    text: text.slice(pos, pos + found.length),
  }));
  return { bare: blank(withoutLiterals, comments, " "), comments, literals };
}

function findComments(code: string): readonly Span[] {
  return Array.from(code.matchAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|^#![^\n]*/g), (match) => ({
    pos: match.index,
    text: match[0],
  }));
}

/** `head` stands for the first character, so that a line holding only a literal is still a line of code. */
function blank(text: string, spans: readonly Span[], head: string): string {
  let out = "";
  let done = 0;
  for (const span of spans.toSorted((a, b) => a.pos - b.pos)) {
    if (span.text.trim() === "") continue;
    out += text.slice(done, span.pos) + head + span.text.slice(1).replaceAll(/[^\n]/g, " ");
    done = span.pos + span.text.length;
  }
  return out + text.slice(done);
}
