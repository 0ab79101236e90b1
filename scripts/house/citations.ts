// A section cited in src is a promise that a test cites too.
import { inArea, lineAt, type TextFile, type Tree, type Violation } from "./tree.ts";

/** The section may stand on the next line of a comment. */
const citation = /\b(RFC \d+|OIDC Core)\s+(?:(?:\*|\/\/)\s+)?§([0-9A-Z]+(?:\.[0-9A-Z]+)*)/g;
const misspelt = /\bRFC\d+\b|\b(?:RFC \d+|OIDC Core),? (?:[Ss]ection|[Ss]ec\.|Appendix)\b/g;

interface Cited {
  readonly section: string;
  readonly line: number;
}

export function judgeCitations(tree: Tree): { violations: readonly Violation[]; count: number } {
  const tested = new Set(
    inArea(tree, "test")
      .flatMap(citationsOf)
      .map(({ section }) => section),
  );
  const cited = new Set<string>();
  const violations: Violation[] = [];
  for (const file of inArea(tree, "src")) {
    for (const match of file.text.matchAll(misspelt)) {
      const advice = `write "${match[0]}" as "RFC 7636 §4.6" or "OIDC Core §3.1.2.1" is written`;
      violations.push({ path: file.path, line: lineAt(file.text, match.index), rule: "citation", advice });
    }
    for (const { section, line } of citationsOf(file)) {
      cited.add(section);
      if (tested.has(section)) continue;
      const advice = `cite ${section} in the test that proves the rule`;
      violations.push({ path: file.path, line, rule: "citation", advice });
    }
  }
  return { violations, count: cited.size };
}

function citationsOf(file: TextFile): readonly Cited[] {
  return Array.from(file.text.matchAll(citation), (match) => ({
    section: `${match[1]} §${match[2]}`,
    line: lineAt(file.text, match.index),
  }));
}
