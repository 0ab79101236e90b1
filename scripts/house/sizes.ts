// Ceilings: 300 lines a file, 50 lines of code a function.
import { isFunctionLikeDeclaration, type Node } from "typescript/unstable/ast";
import { nameOf } from "./syntax.ts";
import { type CodeFile, inArea, lineAt, type Tree, type Violation, violationAt } from "./tree.ts";

const fileLinesMax = 300;
const functionLinesMax = 50;

export function judgeSizes(tree: Tree): readonly Violation[] {
  const files = inArea(tree, "src", "scripts").flatMap((file) => {
    const lines = file.text.replace(/\n$/, "").split("\n").length;
    if (lines <= fileLinesMax) return [];
    const advice = `split its ${lines} lines by a word of the domain: the ceiling is ${fileLinesMax}`;
    return [{ path: file.path, line: fileLinesMax + 1, rule: "file-size", advice }];
  });
  return [...files, ...inArea(tree, "src").flatMap(judgeFunctions)];
}

function judgeFunctions(file: CodeFile): readonly Violation[] {
  if (file.path === "src/wiring.ts") return [];
  return file.nodes.filter(hasBody).flatMap((node) => {
    const lines = codeLines(file, node).size;
    if (lines <= functionLinesMax) return [];
    const advice = `split its ${lines} lines of code: the ceiling is ${functionLinesMax}`;
    return [violationAt(file, node, "function-size", advice)];
  });
}

function hasBody(node: Node): boolean {
  return isFunctionLikeDeclaration(node) && "body" in node && node.body !== undefined;
}

/** Lines that hold code. A front door (create…) is not charged for the functions it closes over. */
function codeLines(file: CodeFile, node: Node): ReadonlySet<number> {
  const lines = linesOf(file, node);
  const isFrontDoor = /^create[A-Z]/.test(nameOf(node) ?? "");
  if (!isFrontDoor) return lines;
  const inner = (child: Node): void => {
    if (!hasBody(child)) child.forEachChild(inner);
    else for (const line of linesOf(file, child)) lines.delete(line);
  };
  node.forEachChild(inner);
  return lines;
}

function linesOf(file: CodeFile, node: Node): Set<number> {
  const start = node.getStart(file.ast);
  const first = lineAt(file.text, start);
  const text = file.bare.slice(start, node.end);
  return new Set(text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [first + index])));
}
