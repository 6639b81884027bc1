import type { ASTNode } from '@marcbachmann/cel-js';

/** The keys of annotations that an expression looks at; `all` where they are not written out. */
export type AnnotationKeys = ReadonlySet<string> | 'all';

/** Finds them in an expression, by whatever name it calls the pod. */
export function annotationKeys(ast: ASTNode): AnnotationKeys {
  const keys = new Set<string>();
  return collect(ast, keys) ? keys : 'all';
}

/** Adds to `keys`; false when a part of it may look at any key. */
function collect(node: ASTNode, keys: Set<string>): boolean {
  if (isAnnotations(node)) return false;
  const key = keyOf(node);
  if (key === undefined) return partsOf(node).every((part) => collect(part, keys));
  keys.add(key);
  return true;
}

function isAnnotations(node: ASTNode): boolean {
  return node.op === '.' && node.args[1] === 'annotations';
}

/** Of `annotations["key"]`, `annotations.key` and `"key" in annotations`. */
function keyOf(node: ASTNode): string | undefined {
  switch (node.op) {
    case '.':
      return isAnnotations(node.args[0]) ? node.args[1] : undefined;
    case '[]':
      return isAnnotations(node.args[0]) ? textOf(node.args[1]) : undefined;
    case 'in':
      return isAnnotations(node.args[1]) ? textOf(node.args[0]) : undefined;
    default:
      return undefined;
  }
}

function textOf(node: ASTNode): string | undefined {
  return node.op === 'value' && typeof node.args === 'string' ? node.args : undefined;
}

function partsOf(node: ASTNode): ASTNode[] {
  const parts: unknown[] = [node.args].flat(3);
  return parts.filter(isNode);
}

function isNode(part: unknown): part is ASTNode {
  return typeof part === 'object' && part !== null && 'op' in part;
}
