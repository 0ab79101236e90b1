// What may outlive a request: no classes but the two kinds the house knows, nothing mutable in module scope.
import {
  isAsExpression,
  isClassDeclaration,
  isClassExpression,
  isExpressionWithTypeArguments,
  isIdentifier,
  isNewExpression,
  isVariableStatement,
  type Node,
  NodeFlags,
  SyntaxKind,
  type VariableDeclaration,
} from "typescript/unstable/ast";
import { placeOf } from "./places.ts";
import { type CodeFile, inArea, type Tree, type Violation, violationAt } from "./tree.ts";

const collections: ReadonlySet<string> = new Set(["Map", "Set", "WeakMap", "WeakSet"]);

export function judgeState(tree: Tree): readonly Violation[] {
  return inArea(tree, "src").flatMap((file) => [...judgeClasses(file), ...judgeModuleScope(file)]);
}

function judgeClasses(file: CodeFile): readonly Violation[] {
  const entrypoints = new Set(["WorkerEntrypoint"]);
  return file.nodes.flatMap((node) => {
    if (!isClassDeclaration(node) && !isClassExpression(node)) return [];
    const name = node.name?.text ?? "";
    if (name === "AuthError" && file.path.startsWith("src/errors/")) return [];
    if (!entrypoints.has(parentOf(node) ?? "")) {
      const advice = "write a function that closes over what it needs: the house has no classes of this kind";
      return [violationAt(file, node, "class", advice)];
    }
    entrypoints.add(name);
    return node.members.flatMap((member) => judgeMember(file, member));
  });
}

function parentOf(node: Node): string | undefined {
  let found: string | undefined;
  node.forEachChild((clause) => {
    if (clause.kind !== SyntaxKind.HeritageClause) return;
    clause.forEachChild((base) => {
      if (found === undefined && isExpressionWithTypeArguments(base) && isIdentifier(base.expression)) {
        found = base.expression.text;
      }
    });
  });
  return found;
}

function judgeMember(file: CodeFile, member: Node): readonly Violation[] {
  let isCallable = false;
  member.forEachChild((child) => {
    if (child.kind === SyntaxKind.PrivateKeyword || child.kind === SyntaxKind.ProtectedKeyword)
      isCallable = true;
  });
  if (!isCallable) return [];
  const advice = "write #name, or move it out of the class: a TypeScript private member is callable over RPC";
  return [violationAt(file, member, "rpc-private", advice)];
}

function judgeModuleScope(file: CodeFile): readonly Violation[] {
  if (placeOf(file.path).zone === "roof") return [];
  return file.ast.statements.flatMap((statement) => {
    if (!isVariableStatement(statement)) return [];
    const list = statement.declarationList;
    if ((list.flags & NodeFlags.Const) === 0) {
      const advice = "keep it inside the function that owns it: module scope holds no request's data";
      return [violationAt(file, statement, "module-scope", advice)];
    }
    return list.declarations
      .filter((declaration) => isMutable(file, declaration))
      .map((declaration) => {
        const advice = "type it ReadonlyMap or ReadonlySet, or keep it inside the function that owns it";
        return violationAt(file, declaration, "module-scope", advice);
      });
  });
}

function isMutable(file: CodeFile, { type, initializer }: VariableDeclaration): boolean {
  if (initializer === undefined) return false;
  const value = isAsExpression(initializer) ? initializer.expression : initializer;
  if (!isNewExpression(value) || !isIdentifier(value.expression)) return false;
  if (!collections.has(value.expression.text)) return false;
  const declared = isAsExpression(initializer) ? initializer.type : type;
  return !/^(?:Readonly(?:Map|Set)\b|const$)/.test(declared?.getText(file.ast) ?? "");
}
