import { type Mistake, mistakeAt, type YamlDocument } from '../../base/index.ts';
import type { GivenRule } from '../schema/index.ts';
import type { WhenKind } from '../when.ts';
import { compileWhere, type Where, whereKinds } from '../where/index.ts';

/** A longer one is refused by the schema, as an empty one is, and not looked at. */
const CHARS_MAX = 2_000;

/** Whether a document has an expression, which needs prepareWhere before it can be loaded. */
export function usesWhere(documents: readonly { value: Readonly<Record<string, unknown>> }[]) {
  return documents.some(({ value }) => {
    const { spec } = value;
    return typeof spec === 'object' && spec !== null && 'where' in spec;
  });
}

/** The expression of a rule, compiled, or what is wrong with it. */
export function checkWhere(
  document: YamlDocument,
  { spec }: GivenRule,
): { where?: Where; mistakes: readonly Mistake[] } {
  if (spec.where === undefined) return { mistakes: [] };
  const compiled = compileWhere(spec.where, kindOf(spec.when));
  if (compiled.ok) return { where: compiled.where, mistakes: [] };
  return { mistakes: compiled.mistakes.map((one) => mistakeAt(document, ['spec', 'where'], one)) };
}

/**
 * What is wrong with the expression of a document that is no rule yet for other mistakes, so that
 * both are told at once: as far as its kind of condition can be made out.
 */
export function whereMistakes(document: YamlDocument): readonly Mistake[] {
  const spec = objectOf(document.value.spec);
  const when = objectOf(spec?.when);
  const [kind, another] = Object.keys(when ?? {});
  const known = whereKinds.find((one) => one === kind);
  const { where } = spec ?? {};
  if (typeof where !== 'string' || where === '' || where.length > CHARS_MAX) return [];
  if (!known || another !== undefined) return [];
  const isOfNode = known === 'memory' && objectOf(when?.memory)?.of === 'node';
  const compiled = compileWhere(where, isOfNode ? 'nodeMemory' : known);
  if (compiled.ok) return [];
  return compiled.mistakes.map((one) => mistakeAt(document, ['spec', 'where'], one));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function kindOf(when: GivenRule['spec']['when']): WhenKind {
  if (when.memory?.of === 'node') return 'nodeMemory';
  const [kind] = Object.entries(when).find(([, given]) => given !== undefined) ?? [];
  return kind as WhenKind;
}
