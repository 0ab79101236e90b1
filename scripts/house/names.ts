// What stands where and what it is called.
import { isExportDeclaration } from "typescript/unstable/ast";
import { placeOf } from "./places.ts";
import { type CodeFile, lineAt, type Tree, type Violation } from "./tree.ts";

const topLevel: ReadonlySet<string> = new Set([
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "wrangler.toml",
  "src",
  "migrations",
  "test",
  "scripts",
  "README.md",
  "LICENSE",
]);
const bannedWords: ReadonlySet<string> = new Set([
  "utils",
  "util",
  "helpers",
  "helper",
  "common",
  "shared",
  "misc",
  "manager",
  "types",
  "constants",
]);
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*$/;
/** Folders whose index.ts is the list of a kind. */
const kinds: ReadonlySet<string> = new Set([
  "methods",
  "grants",
  "factors",
  "policies",
  "client-authentication",
]);
/** A path from the root of one machine; not a part of a longer path, an address or a template. */
const machinePath = /(?<![\w.:/}\\-])\/(?:work|root|farm|home\/[a-z_][\w-]*)\//;

export function judgeTopLevel(tree: Tree): readonly Violation[] {
  const entries = new Set(tree.paths.map((path) => path.split("/", 1)[0] ?? path));
  return [...entries]
    .filter((entry) => !entry.startsWith(".") && !topLevel.has(entry))
    .map((path) => ({
      path,
      line: 1,
      rule: "top-level",
      advice: "move it into src, migrations, test or scripts: the top level is a closed list",
    }));
}

export function judgeMachinePaths(tree: Tree): readonly Violation[] {
  return tree.texts.flatMap(({ path, text }) => {
    if (path === "package-lock.json") return [];
    return text.split("\n").flatMap((line, index) => {
      if (!machinePath.test(line)) return [];
      const advice = "write a path relative to the repository: this one exists on one machine only";
      return [{ path, line: index + 1, rule: "machine-path", advice }];
    });
  });
}

export function judgeNames(tree: Tree): readonly Violation[] {
  return tree.code.flatMap((file) => [...judgeWords(file.path), ...judgeBarrel(file)]);
}

function judgeWords(path: string): readonly Violation[] {
  const parts = path.split("/").slice(1);
  const stems = parts.flatMap((part) => part.split("."));
  const violation = (advice: string) => ({ path, line: 1, rule: "names", advice });
  const banned = stems.flatMap((stem) => stem.split("-")).find((word) => bannedWords.has(word));
  const unkempt = stems.find((stem) => !kebabCase.test(stem));
  return [
    ...(banned === undefined ? [] : [violation(`name it by its subject instead of "${banned}"`)]),
    ...(unkempt === undefined ? [] : [violation(`write "${unkempt}" in kebab-case`)]),
  ];
}

function judgeBarrel(file: CodeFile): readonly Violation[] {
  if (file.area !== "src") return [];
  const [folder, name] = file.path.split("/").slice(-2);
  const violation = (line: number, advice: string) => ({ path: file.path, line, rule: "barrel", advice });
  const isRoof = placeOf(file.path).zone === "roof";
  if (!isRoof && /^index\.\w+$/.test(name ?? "") && !kinds.has(folder ?? "")) {
    return [violation(1, "name the file by its subject: an index.ts exists only as the list of a kind")];
  }
  const { statements } = file.ast;
  const reExports = statements.filter(
    (statement) => isExportDeclaration(statement) && statement.moduleSpecifier !== undefined,
  );
  const [first] = reExports;
  if (first === undefined || reExports.length < statements.length) return [];
  return [
    violation(lineAt(file.text, first.getStart(file.ast)), "import from the source: re-exports hide it"),
  ];
}
