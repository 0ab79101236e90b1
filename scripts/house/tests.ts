// A test that is skipped, alone or unable to fail is a defect.
import {
  type CallExpression,
  isArrowFunction,
  isCallExpression,
  isFunctionDeclaration,
  isFunctionExpression,
  isNumericLiteral,
  isPropertyAccessExpression,
  type Node,
  SyntaxKind,
} from "typescript/unstable/ast";
import { chainOf, nameOf } from "./syntax.ts";
import { type CodeFile, inArea, type Tree, type Violation, violationAt } from "./tree.ts";

const silencers: ReadonlySet<string> = new Set(["only", "skip", "todo"]);
const suites: ReadonlySet<string> = new Set(["test", "it", "describe", "suite"]);

export function judgeTests(tree: Tree): readonly Violation[] {
  return inArea(tree, "test").flatMap((file) => {
    const asserting = assertingFunctions(file);
    return file.nodes.flatMap((node) => {
      const broken = judgeSilence(node) ?? judgeCall(node, asserting);
      return broken === undefined ? [] : [violationAt(file, node, "test", broken)];
    });
  });
}

function judgeSilence(node: Node): string | undefined {
  if (!isPropertyAccessExpression(node) || !silencers.has(node.name.text)) return undefined;
  const [root] = chainOf(node);
  const isCalled = isCallExpression(node.parent) && node.parent.expression === node;
  if (!isCalled && !suites.has(root ?? "")) return undefined;
  return `run every test: take out .${node.name.text}`;
}

function judgeCall(node: Node, asserting: ReadonlySet<string>): string | undefined {
  if (!isCallExpression(node)) return undefined;
  const [root] = chainOf(node.expression);
  if (root === "expect" && isConstant(node.arguments[0]) && chainOf(node.expression).length === 1) {
    return "expect what the code answered: a constant cannot fail";
  }
  if (root !== "test" && root !== "it") return undefined;
  const body = bodyOf(node);
  if (body === undefined || asserts(body, asserting)) return undefined;
  return "assert on what the code answered: a test without expect cannot fail";
}

function isConstant(node: Node | undefined): boolean {
  if (node === undefined) return false;
  return (
    node.kind === SyntaxKind.TrueKeyword || node.kind === SyntaxKind.FalseKeyword || isNumericLiteral(node)
  );
}

function bodyOf(call: CallExpression): Node | undefined {
  if (call.arguments.length < 2) return undefined;
  return call.arguments.find((argument) => isArrowFunction(argument) || isFunctionExpression(argument));
}

function asserts(node: Node, asserting: ReadonlySet<string>): boolean {
  if (isCallExpression(node)) {
    const chain = chainOf(node.expression);
    if (chain.some((name) => /^(?:expect|assert)/.test(name) || asserting.has(name))) return true;
  }
  return node.forEachChild((child) => asserts(child, asserting) || undefined) ?? false;
}

/** Functions of the same file that assert, also through one another. */
function assertingFunctions(file: CodeFile): ReadonlySet<string> {
  const functions = file.nodes.filter(
    (node) => isFunctionDeclaration(node) || isArrowFunction(node) || isFunctionExpression(node),
  );
  const asserting = new Set<string>();
  for (let before = -1; before < asserting.size; ) {
    before = asserting.size;
    for (const node of functions) {
      const name = nameOf(node);
      if (name !== undefined && !asserting.has(name) && asserts(node, asserting)) asserting.add(name);
    }
  }
  return asserting;
}
