// Escapes from the type system and promises to do it later.
import { SyntaxKind } from "typescript/unstable/ast";
import type { Span } from "./prose.ts";
import { type CodeFile, inArea, lineAt, type Tree, type Violation, violationAt } from "./tree.ts";

export function judgeLanguage(tree: Tree): readonly Violation[] {
  return inArea(tree, "src", "scripts").flatMap((file) => [
    ...file.nodes
      .filter((node) => node.kind === SyntaxKind.AnyKeyword)
      .map((node) => violationAt(file, node, "any", "name the type, or take unknown and parse it")),
    ...find(
      file,
      file.comments,
      /@ts-(?:ignore|nocheck)\b/g,
      "any",
      "mend the type: silence hides the next fault",
    ),
    ...find(
      file,
      file.comments,
      /\b(?:TODO|FIXME|XXX|HACK)\b|\bfor now\b(?!\()/gi,
      "unfinished",
      "finish it, or state the accepted risk and what bounds it",
    ),
    ...find(
      file,
      [...file.comments, ...file.literals],
      /\bnot (?:yet )?implemented\b/gi,
      "unfinished",
      "build it, or refuse it by the error word of the spec",
    ),
  ]);
}

function find(
  file: CodeFile,
  spans: readonly Span[],
  pattern: RegExp,
  rule: string,
  advice: string,
): readonly Violation[] {
  return spans.flatMap(({ pos, text }) =>
    Array.from(text.matchAll(pattern), (match) => ({
      path: file.path,
      line: lineAt(file.text, pos + match.index),
      rule,
      advice,
    })),
  );
}
