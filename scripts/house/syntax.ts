// Small questions about the compiler's nodes that several rules ask.
import {
  isCallExpression,
  isElementAccessExpression,
  isFunctionDeclaration,
  isIdentifier,
  isMethodDeclaration,
  isNonNullExpression,
  isParenthesizedExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isTaggedTemplateExpression,
  isVariableDeclaration,
  type Node,
} from "typescript/unstable/ast";

/** The name under which a function is known: its own, or that of what it is assigned to. */
export function nameOf(node: Node): string | undefined {
  const named = isFunctionDeclaration(node) || isMethodDeclaration(node) ? node : node.parent;
  const isNamed =
    isFunctionDeclaration(named) ||
    isMethodDeclaration(named) ||
    isVariableDeclaration(named) ||
    isPropertyAssignment(named);
  return isNamed && named.name !== undefined && isIdentifier(named.name) ? named.name.text : undefined;
}

/** `a.b(c).d` and a.b`c`.d give ["a", "b", "d"]; anything that does not start with a name gives its tail. */
export function chainOf(node: Node): readonly string[] {
  if (isIdentifier(node)) return [node.text];
  if (isPropertyAccessExpression(node)) return [...chainOf(node.expression), node.name.text];
  if (isTaggedTemplateExpression(node)) return chainOf(node.tag);
  if (
    isCallExpression(node) ||
    isElementAccessExpression(node) ||
    isParenthesizedExpression(node) ||
    isNonNullExpression(node)
  ) {
    return chainOf(node.expression);
  }
  return [];
}

/** Is `node` the property access `object.property`? */
export function isMember(node: Node, object: string, ...properties: readonly string[]): boolean {
  if (!isPropertyAccessExpression(node) || !properties.includes(node.name.text)) return false;
  const { expression } = node;
  if (isIdentifier(expression)) return expression.text === object;
  return isPropertyAccessExpression(expression) && isMember(expression, "globalThis", object);
}
