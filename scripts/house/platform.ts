// What the runtime forbids or lets through only by accident: the clock below the roof, randomness that
// can be guessed, code made at run time, Node's globals, key stretching that production refuses.
import {
  isCallExpression,
  isElementAccessExpression,
  isIdentifier,
  isNewExpression,
  isNumericLiteral,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isVariableDeclaration,
  type Node,
} from "typescript/unstable/ast";
import { isMember } from "./syntax.ts";
import { type CodeFile, inArea, type Tree, type Violation, violationAt } from "./tree.ts";

const clockFiles: ReadonlySet<string> = new Set([
  "src/index.ts",
  "src/app.ts",
  "src/rpc.ts",
  "src/wiring.ts",
]);
const consoleFiles: ReadonlySet<string> = new Set(["src/index.ts", "src/wiring.ts"]);
const iterationsMax = 100_000;

interface Rule {
  readonly name: string;
  readonly advice: string;
  readonly areas: readonly CodeFile["area"][];
  readonly exempt?: ReadonlySet<string>;
  readonly breaks: (node: Node) => boolean;
}

const rules: readonly Rule[] = [
  {
    name: "clock",
    advice: "take now() as a parameter: time comes from wiring.ts only",
    areas: ["src"],
    exempt: clockFiles,
    breaks: readsClock,
  },
  {
    name: "randomness",
    advice: "use crypto.getRandomValues: Math.random can be guessed",
    areas: ["src", "scripts"],
    breaks: (node) => isMember(node, "Math", "random"),
  },
  {
    name: "console",
    advice: "write a typed audit event: rooms hold no free-text log",
    areas: ["src"],
    exempt: consoleFiles,
    breaks: (node) => isGlobal(node, "console"),
  },
  {
    name: "node-global",
    advice: "use what every Worker has: bindings through env.ts, bytes through crypto/",
    areas: ["src"],
    breaks: (node) => isGlobal(node, "process") || isGlobal(node, "Buffer"),
  },
  {
    name: "run-time-code",
    advice: "write the code out: the platform runs no code made at run time",
    areas: ["src", "scripts"],
    breaks: makesCode,
  },
  {
    name: "key-stretching",
    advice: `stay at or below ${iterationsMax} PBKDF2 iterations: production refuses more`,
    areas: ["src"],
    breaks: stretchesTooFar,
  },
];

export function judgePlatform(tree: Tree): readonly Violation[] {
  return rules.flatMap(({ name, advice, areas, exempt, breaks }) =>
    inArea(tree, ...areas).flatMap((file) => {
      if (exempt?.has(file.path)) return [];
      return file.nodes.filter(breaks).map((node) => violationAt(file, node, name, advice));
    }),
  );
}

function isNamed(node: Node, name: string): boolean {
  return isIdentifier(node) && node.text === name;
}

function readsClock(node: Node): boolean {
  if (isMember(node, "Date", "now") || isMember(node, "performance", "now")) return true;
  if (isNewExpression(node)) return isNamed(node.expression, "Date") && (node.arguments?.length ?? 0) === 0;
  return isCallExpression(node) && isNamed(node.expression, "Date");
}

function isGlobal(node: Node, name: string): boolean {
  if (!isPropertyAccessExpression(node) && !isElementAccessExpression(node)) return false;
  return isNamed(node.expression, name) || isMember(node, "globalThis", name);
}

function makesCode(node: Node): boolean {
  if (isCallExpression(node) && (isNamed(node.expression, "eval") || isNamed(node.expression, "Function"))) {
    return true;
  }
  if (isNewExpression(node) && isNamed(node.expression, "Function")) return true;
  return isMember(
    node,
    "WebAssembly",
    "compile",
    "instantiate",
    "compileStreaming",
    "instantiateStreaming",
    "Module",
  );
}

function stretchesTooFar(node: Node): boolean {
  if (!isPropertyAssignment(node) && !isVariableDeclaration(node)) return false;
  if (!isIdentifier(node.name) || !/iterations/i.test(node.name.text)) return false;
  const value = node.initializer;
  return (
    value !== undefined && isNumericLiteral(value) && Number(value.text.replaceAll("_", "")) > iterationsMax
  );
}
