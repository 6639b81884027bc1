import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from '@swc/core';

export const repositoryRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** All files below `folder` with that ending, as paths relative to the repository, `/` between. */
export function listFiles(folder: string, ending: string): string[] {
  return readdirSync(join(repositoryRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(repositoryRoot, join(entry.parentPath, entry.name)))
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !path.includes('node_modules/'))
    .sort();
}

export function readText(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

/** The modules that a source text imports, static and dynamic, types too. */
export function importsOf(text: string): string[] {
  const found = text.matchAll(/(?:from\s+|import\s+|import\()\s*'([^']+)'/g);
  return [...found].map((match) => match[1] ?? '');
}

export interface FunctionSpan {
  name: string;
  line: number;
  lines: number;
}

/** Every function, method and arrow with a body block of a TypeScript text, with its length. */
export function functionsOf(text: string): FunctionSpan[] {
  const bytes = Buffer.from(text, 'utf8');
  const tree = parseSync(text, { syntax: 'typescript', target: 'es2024' });
  // The parser counts UTF-8 bytes from 1, and a span ends one past its last byte.
  const lineAt = (position: number) => {
    let line = 1;
    for (let i = 0; i < position - 1; i++) if (bytes[i] === 10) line++;
    return line;
  };
  const found: FunctionSpan[] = [];
  walk(tree as unknown as Node, (node) => {
    if (!FUNCTION_TYPES.has(node.type ?? '') || !node.span) return;
    const line = lineAt(node.span.start);
    const lines = lineAt(node.span.end - 1) - line + 1;
    found.push({ name: nameOf(node), line, lines });
  });
  return found;
}

interface Node {
  type?: string;
  span?: { start: number; end: number };
  [key: string]: unknown;
}

const FUNCTION_TYPES = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'MethodProperty',
  'Constructor',
]);

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child !== null && typeof child === 'object') walk(child as Node, visit);
    }
  }
}

function nameOf(node: Node): string {
  const holder = (node.identifier ?? node.key) as { value?: string } | undefined;
  return holder?.value ?? 'anonymous';
}
