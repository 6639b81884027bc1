import type { ASTNode } from '@marcbachmann/cel-js';
import { compilePattern } from '../patterns.ts';
import { whereVariables } from './variables.ts';

/** A part of an expression that is not taken, by its place in the text. */
export interface Objection {
  why: string;
  allowed?: string;
  start: number;
  end: number;
}

/** A call of `matches`: where its name stands, and its pattern. */
export interface PatternUse {
  nameAt: number;
  pattern: string;
}

export interface Audit {
  objections: readonly Objection[];
  patterns: readonly PatternUse[];
  /** The arguments of `has`, which the library does not type-check. */
  hasArguments: readonly ASTNode[];
  /** Whether it looks at the signal: if not, it holds or does not for a target by itself. */
  usesSignal: boolean;
  /** Whether it looks at anything: if not, it is always the same. */
  usesVariables: boolean;
}

/** Functions that cost no more than their text is long. */
const FUNCTIONS = ['has', 'size', 'string', 'int', 'double', 'bool'];
const METHODS = [
  ...['startsWith', 'endsWith', 'contains', 'matches', 'size'],
  ...['lowerAscii', 'upperAscii', 'trim'],
];
/** Over a list that stands in the expression itself, and not within another of them. */
const LOOPS = ['exists', 'all', 'exists_one'];
/** All that an expression can call. */
export const whereFunctions = [...new Set([...FUNCTIONS, ...METHODS, ...LOOPS])];
/** A pattern costs text × program each; a few small ones are enough for anybody. */
const PATTERNS_MAX = 4;
/** Of an RE2 program: measured, a hostile one of this size takes 10 ms at its first text. */
const PATTERN_SIZE_MAX = 500;

/**
 * Looks for what could make an expression slow: CEL ends always, but nested loops over lists and
 * texts that are put together grow without bound. What is left is linear in the expression and in
 * texts that are bounded.
 */
export function auditExpression(ast: ASTNode): Audit {
  const found: Found = {
    objections: [],
    patterns: [],
    hasArguments: [],
    usesSignal: false,
    usesVariables: false,
  };
  visit(ast, found, false);
  const [, , , , tooMany] = found.patterns;
  if (found.patterns.length > PATTERNS_MAX && tooMany) {
    const at = { start: tooMany.nameAt, end: tooMany.nameAt + MATCHES.length };
    found.objections.push({ why: `more than ${PATTERNS_MAX} calls of matches`, ...at });
  }
  return found;
}

interface Found {
  objections: Objection[];
  patterns: PatternUse[];
  hasArguments: ASTNode[];
  usesSignal: boolean;
  usesVariables: boolean;
}

const MATCHES = 'matches';

function visit(node: ASTNode, found: Found, isInLoop: boolean): void {
  switch (node.op) {
    case 'value':
      return;
    case 'id':
      if (node.args === 'signal') found.usesSignal = true;
      if (Object.hasOwn(whereVariables, node.args)) found.usesVariables = true;
      return;
    case '+':
      object(node, found, '+ is not taken: texts could be put together without end', 'a - b > c');
      return;
    case '.':
      visit(node.args[0], found, isInLoop);
      return;
    case 'call':
      visitCall(node, found, isInLoop);
      return;
    case 'rcall':
      visitMethod(node, found, isInLoop);
      return;
    case 'map':
      for (const [key, value] of node.args) visitAll([key, value], found, isInLoop);
      return;
    case '!_':
    case '-_':
      visit(node.args, found, isInLoop);
      return;
    case '.?':
    case '[?]':
      object(node, found, 'is not part of this language', 'has(a.b) or "key" in map');
      return;
    default:
      visitAll(node.args, found, isInLoop);
  }
}

function visitAll(nodes: readonly ASTNode[], found: Found, isInLoop: boolean): void {
  for (const node of nodes) visit(node, found, isInLoop);
}

function visitCall(node: ASTNode & { op: 'call' }, found: Found, isInLoop: boolean): void {
  const [name, given] = node.args;
  if (!FUNCTIONS.includes(name)) {
    object(node, found, `${name}() is not known here`, FUNCTIONS.join(', '));
    return;
  }
  if (name === 'has') found.hasArguments.push(...given);
  visitAll(given, found, isInLoop);
}

function visitMethod(node: ASTNode & { op: 'rcall' }, found: Found, isInLoop: boolean): void {
  const [name, receiver, given] = node.args;
  if (LOOPS.includes(name)) {
    if (isInLoop) object(node, found, `${name}() within another one is too costly`);
    else if (receiver.op !== 'list') {
      object(
        node,
        found,
        `${name}() works on a list that is written out`,
        '["a", "b"].exists(x, …)',
      );
    }
    visitAll([receiver, ...given], found, true);
    return;
  }
  if (!METHODS.includes(name)) {
    object(node, found, `${name}() is not known here`, [...METHODS, ...LOOPS].join(', '));
    return;
  }
  if (name === MATCHES) visitMatches(node, found, isInLoop);
  visitAll([receiver, ...given], found, isInLoop);
}

function visitMatches(node: ASTNode & { op: 'rcall' }, found: Found, isInLoop: boolean): void {
  const [, receiver, [argument]] = node.args;
  const pattern = argument?.op === 'value' ? argument.args : undefined;
  if (isInLoop) {
    object(node, found, 'matches() within exists, all or exists_one is too costly');
  } else if (typeof pattern !== 'string' || !argument) {
    object(node, found, 'matches() needs a pattern that is written out', 'name.matches("^a.*")');
  } else {
    const compiled = compilePattern(pattern, PATTERN_SIZE_MAX);
    if (!compiled.ok) object(argument, found, compiled.why);
    const nameAt = node.input.indexOf(MATCHES, receiver.end);
    found.patterns.push({ nameAt, pattern });
  }
}

function object({ start, end }: ASTNode, found: Found, why: string, allowed?: string): void {
  found.objections.push({ why, allowed, start, end });
}
