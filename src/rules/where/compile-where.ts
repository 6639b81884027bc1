import type { ASTNode, Environment, ParseError, TypeCheckResult } from '@marcbachmann/cel-js';
import { messageOf, nearest } from '../../base/index.ts';
import { compilePattern } from '../patterns.ts';
import type { WhenKind } from '../when.ts';
import { type AnnotationKeys, annotationKeys } from './annotations.ts';
import { type Audit, auditExpression } from './audit.ts';
import { cel } from './library.ts';
import { valuesOf, type WhereContext } from './values.ts';
import { signalType, whereTypes, whereVariables } from './variables.ts';

/** A `where`, compiled. */
export interface Where {
  /** As it was written. */
  text: string;
  /** If not, the target alone decides. */
  usesSignal: boolean;
  /** What it must be told again after a restart. */
  annotations: AnnotationKeys;
  evaluate(context: WhereContext): WhereResult;
}

/** `absent`: a key that is not there made it false, as in `pod.labels["x"] == "y"`. */
export type WhereResult =
  | { holds: true }
  | { holds: false; absent?: string }
  | { holds: 'error'; why: string };

/** What is wrong with an expression: the part of it, and what would be right. */
export interface WhereMistake {
  message: string;
  given?: string;
  allowed?: string;
  suggestion?: string;
}

export type CompiledWhere =
  | { ok: true; where: Where }
  | { ok: false; mistakes: readonly WhereMistake[] };

/** Stands for `matches` of the library, which runs patterns on JS RegExp; of the same length. */
const MATCHES_RE2 = 'matchRE';

/** Bounds of an expression; also of the lists that are written out in it. */
const LIMITS = {
  maxAstNodes: 150,
  maxDepth: 20,
  maxListElements: 50,
  maxMapEntries: 20,
  maxCallArguments: 4,
};

/**
 * Parses, audits and type-checks an expression against the variables of a condition's kind. Never
 * throws on what is written. Call prepareWhere before.
 */
export function compileWhere(text: string, kind: WhenKind): CompiledWhere {
  const patterns = new Map<string, (value: string) => boolean>();
  const environment = createEnvironment(kind, patterns);
  let audit: Audit;
  try {
    audit = auditExpression(environment.parse(text).ast);
  } catch (error) {
    return { ok: false, mistakes: [unreadable(text, error)] };
  }
  const objections = audit.objections.map(({ why, allowed, start, end }) => ({
    message: why,
    given: text.slice(start, end),
    allowed,
  }));
  if (objections.length > 0) return { ok: false, mistakes: objections };
  for (const { pattern } of audit.patterns) {
    const compiled = compilePattern(pattern);
    if (compiled.ok) patterns.set(pattern, compiled.test);
  }
  const expression = environment.parse(withRe2(text, audit));
  // By no trick of writing may a pattern come to the library's own matches, on JS RegExp.
  if (auditExpression(expression.ast).patterns.length > 0) {
    return { ok: false, mistakes: [{ message: 'has a comment beside matches(); leave it out' }] };
  }
  const checked = expression.check();
  const wrong = [
    checked,
    ...audit.hasArguments.map(({ start, end }) => environment.check(text.slice(start, end))),
  ];
  const mistakes = wrong.flatMap(({ error }) =>
    error ? [mistyped({ text, environment, kind }, error)] : [],
  );
  if (mistakes.length > 0) return { ok: false, mistakes };
  if (checked.type !== 'bool') return { ok: false, mistakes: [noCondition(checked.type)] };
  const { usesSignal, usesVariables } = audit;
  if (!usesVariables && !holdsAlone(expression)) {
    const allowed = `something about ${Object.keys(whereVariables).join(', ')}`;
    return { ok: false, mistakes: [{ message: 'is never true, whatever comes', allowed }] };
  }
  const annotations = annotationKeys(expression.ast);
  const where = { text, usesSignal, annotations, evaluate: evaluateWith(expression) };
  return { ok: true, where };
}

function createEnvironment(
  kind: WhenKind,
  patterns: ReadonlyMap<string, (value: string) => boolean>,
): Environment {
  const { Environment } = cel();
  const environment = new Environment({ limits: LIMITS });
  for (const [name, fields] of Object.entries({
    Signal: signalType(kind),
    ...whereTypes,
  }).reverse()) {
    environment.registerType(name, { fields: { ...fields } });
  }
  for (const [name, type] of Object.entries(whereVariables)) {
    environment.registerVariable(name, type);
  }
  const test = (value: string, pattern: string) => patterns.get(pattern)?.(value) ?? false;
  return environment.registerFunction(`string.${MATCHES_RE2}(string): bool`, test, {
    async: false,
  });
}

/** The same text with `matches` by its other name: all places in it stay where they are. */
function withRe2(text: string, { patterns }: Audit): string {
  let written = text;
  for (const { nameAt } of patterns) {
    written = written.slice(0, nameAt) + MATCHES_RE2 + written.slice(nameAt + MATCHES_RE2.length);
  }
  return written;
}

function evaluateWith(expression: (context: object) => unknown): Where['evaluate'] {
  return (context) => evaluate(expression, context);
}

/** Of an expression that looks at nothing. */
function holdsAlone(expression: (context: object) => unknown): boolean {
  try {
    return expression({}) === true;
  } catch {
    // As in 1 / 0: it would say so at every signal.
    return false;
  }
}

function evaluate(expression: (context: object) => unknown, context: WhereContext): WhereResult {
  try {
    return { holds: expression(valuesOf(context)) === true };
  } catch (error) {
    const { code, summary } = describeError(error);
    if (code === 'no_such_key') return { holds: false, absent: summary };
    return { holds: 'error', why: summary };
  }
}

function unreadable(text: string, error: unknown): WhereMistake {
  const { code, summary, range } = describeError(error);
  if (code === 'limit_exceeded') {
    const { maxAstNodes, maxDepth, maxListElements } = LIMITS;
    const allowed = `at most ${maxAstNodes} parts, ${maxDepth} deep, lists of ${maxListElements}`;
    return { message: `is too large: ${summary}`, allowed };
  }
  const rest = range && text.slice(range.start, range.start + 40);
  return { message: `cannot be read as CEL: ${summary}`, given: rest || 'the end of it' };
}

interface Typed {
  text: string;
  environment: Environment;
  kind: WhenKind;
}

function mistyped(
  { text, environment, kind }: Typed,
  error: NonNullable<TypeCheckResult['error']>,
): WhereMistake {
  const { code, summary, range } = describeError(error);
  const node = error.node as ASTNode | undefined;
  const source = node?.input ?? text;
  const given = range && source.slice(range.start, range.end);
  if (code === 'unknown_variable' && given !== undefined) {
    const names = Object.keys(whereVariables);
    const suggestion = nearest(given, names);
    return { message: `there is no ${given}`, given, allowed: names.join(', '), suggestion };
  }
  if (code === 'no_such_key' && given !== undefined && node?.op === '.') {
    const [{ start, end }] = node.args;
    const receiver = source.slice(start, end);
    const fields = Object.keys(fieldsOf(environment.check(receiver).type, kind));
    const suggestion = nearest(given, fields);
    return {
      message: `${receiver} has no field ${given}`,
      given: `${receiver}.${given}`,
      allowed: fields.join(', '),
      suggestion: suggestion && `${receiver}.${suggestion}`,
    };
  }
  return { message: `does not fit: ${summary.replaceAll(MATCHES_RE2, 'matches')}`, given };
}

function fieldsOf(type: string | undefined, kind: WhenKind): Readonly<Record<string, string>> {
  if (type === 'Signal') return signalType(kind);
  return Object.entries(whereTypes).find(([name]) => name === type)?.[1] ?? {};
}

function noCondition(type: string | undefined): WhereMistake {
  const hint = type === 'dyn' ? '; compare it with something, such as == true' : '';
  return { message: `must be true or false, but is ${type ?? 'nothing'}${hint}` };
}

/** The library's errors carry a code, a summary without the picture of the place, and a range. */
function describeError(error: unknown): {
  code: string;
  summary: string;
  range?: { start: number; end: number };
} {
  const { code, summary, range } = error as Partial<ParseError>;
  return { code: code ?? '', summary: summary ?? messageOf(error), ...(range && { range }) };
}
