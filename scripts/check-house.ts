// Checks that the tree keeps the rules of the house: who may import whom, sizes, names, the clock,
// citations with tests. Prints one line per violation and exits 1, or one line when all is in order.
import { pathToFileURL } from "node:url";
import { judgeCitations } from "./house/citations.ts";
import { judgeImports } from "./house/import-table.ts";
import { judgeLanguage } from "./house/language.ts";
import { judgeMachinePaths, judgeNames, judgeTopLevel } from "./house/names.ts";
import { judgePlatform } from "./house/platform.ts";
import { judgeSizes } from "./house/sizes.ts";
import { judgeState } from "./house/state.ts";
import { judgeTests } from "./house/tests.ts";
import { readTree, type Tree, type Violation } from "./house/tree.ts";

export type { Violation } from "./house/tree.ts";

interface Inspection {
  readonly violations: readonly Violation[];
  readonly files: number;
  readonly imports: number;
  readonly citations: number;
}

export function checkHouse(root: string): readonly Violation[] {
  return inspect(readTree(root)).violations;
}

function inspect(tree: Tree): Inspection {
  const imports = judgeImports(tree);
  const citations = judgeCitations(tree);
  const violations = [
    ...judgeTopLevel(tree),
    ...judgeMachinePaths(tree),
    ...judgeNames(tree),
    ...judgeSizes(tree),
    ...imports.violations,
    ...citations.violations,
    ...judgePlatform(tree),
    ...judgeLanguage(tree),
    ...judgeState(tree),
    ...judgeTests(tree),
  ];
  violations.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line || a.rule.localeCompare(b.rule));
  return { violations, files: tree.code.length, imports: imports.count, citations: citations.count };
}

function main(): void {
  const { violations, files, imports, citations } = inspect(readTree(process.cwd()));
  for (const { path, line, rule, advice } of violations) console.log(`${path}:${line} ${rule}: ${advice}`);
  if (violations.length > 0) {
    process.exitCode = 1;
    return;
  }
  console.log(`house: ${files} files, ${imports} imports, ${citations} citations, in order`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
