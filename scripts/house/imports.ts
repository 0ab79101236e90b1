// Finds every way a file can reach another: import, export … from, import(), require(), import types.
import {
  isCallExpression,
  isExportDeclaration,
  isExternalModuleReference,
  isIdentifier,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isNoSubstitutionTemplateLiteral,
  isStringLiteral,
  type Node,
  SyntaxKind,
} from "typescript/unstable/ast";
import type { CodeFile } from "./tree.ts";

export interface Import {
  readonly node: Node;
  /** Undefined when the address is computed. */
  readonly specifier: string | undefined;
  /** Survives no compilation: `import type`, `export type … from`, `import("…").T` in a type. */
  readonly typeOnly: boolean;
}

export function importsOf(file: CodeFile): readonly Import[] {
  return file.nodes.flatMap((node) => importAt(node) ?? []);
}

function importAt(node: Node): Import | undefined {
  if (isImportDeclaration(node)) {
    const typeOnly = node.importClause?.phaseModifier === SyntaxKind.TypeKeyword;
    return { node, specifier: literalText(node.moduleSpecifier), typeOnly };
  }
  if (isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return { node, specifier: literalText(node.moduleSpecifier), typeOnly: node.isTypeOnly };
  }
  if (isExternalModuleReference(node)) {
    return { node, specifier: literalText(node.expression), typeOnly: false };
  }
  if (isImportTypeNode(node)) {
    const literal = isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
    return { node, specifier: literalText(literal), typeOnly: true };
  }
  if (isCallExpression(node)) {
    const callee = node.expression;
    const isImport = callee.kind === SyntaxKind.ImportKeyword;
    const isRequire = isIdentifier(callee) && callee.text === "require";
    if (isImport || isRequire) return { node, specifier: literalText(node.arguments[0]), typeOnly: false };
  }
  return undefined;
}

function literalText(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  return isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node) ? node.text : undefined;
}
