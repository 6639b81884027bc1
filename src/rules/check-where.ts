import { type Mistake, mistakeAt, type YamlDocument } from '../base/index.ts';
import type { GivenRule } from './schema/index.ts';
import type { WhenKind } from './when.ts';
import { compileWhere, type Where } from './where/index.ts';

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

function kindOf(when: GivenRule['spec']['when']): WhenKind {
  if (when.memory?.of === 'node') return 'nodeMemory';
  const [kind] = Object.entries(when).find(([, given]) => given !== undefined) ?? [];
  return kind as WhenKind;
}
