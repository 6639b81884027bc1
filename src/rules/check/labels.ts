import { type Mistake, mistakeAt, type PathPart, type YamlDocument } from '../../base/index.ts';
import type { LabelExpression, LabelSelector } from '../rule.ts';
import type { GivenRule } from '../schema/index.ts';
import { expressionHolds } from '../select.ts';

/** Label selectors whose parts are right each, but that no pod can fit as a whole. */
export function checkLabels(document: YamlDocument, { spec }: GivenRule): Mistake[] {
  const { podSelector, exclude } = spec.target;
  const mistakes = contradiction(document, podSelector, ['spec', 'target', 'podSelector']);
  const excluded = exclude?.podSelector;
  if (!excluded) return mistakes;
  const path = ['spec', 'target', 'exclude', 'podSelector'];
  mistakes.push(...contradiction(document, excluded, path));
  const isAskedFor = ([key, value]: [string, string]) => podSelector.matchLabels[key] === value;
  const labels = Object.entries(excluded.matchLabels);
  const isAll = excluded.matchExpressions.length === 0 && labels.length > 0;
  if (isAll && labels.every(isAskedFor)) {
    const message = 'excludes every pod that podSelector asks for, so the rule can never fire';
    mistakes.push(mistakeAt(document, path, { message }));
  }
  return mistakes;
}

/** Told at the last part that asks something of the key, where the others have been read. */
function contradiction(
  document: YamlDocument,
  selector: LabelSelector,
  path: readonly PathPart[],
): Mistake[] {
  const asked = new Map<string, { expression: LabelExpression; path: PathPart[] }[]>();
  const ask = (expression: LabelExpression, at: PathPart[]) => {
    const same = asked.get(expression.key) ?? [];
    same.push({ expression, path: [...path, ...at] });
    asked.set(expression.key, same);
  };
  for (const [key, value] of Object.entries(selector.matchLabels)) {
    ask({ key, operator: 'In', values: [value] }, ['matchLabels', key]);
  }
  selector.matchExpressions.forEach((expression, index) => {
    ask(expression, ['matchExpressions', index]);
  });
  return [...asked].flatMap(([key, parts]) => {
    const expressions = parts.map(({ expression }) => expression);
    const last = parts.at(-1);
    if (!last || isPossible(expressions)) return [];
    const message = `can never hold: nothing fits all that is asked of the label ${key}`;
    return [mistakeAt(document, last.path, { message })];
  });
}

/** A missing label, a value that is named, or one that is not: one of them must fit. */
function isPossible(expressions: readonly LabelExpression[]): boolean {
  const values = expressions.flatMap((one) => one.values);
  const unnamed = `${values.join('')}-other`;
  return [undefined, unnamed, ...values].some((value) =>
    expressions.every((expression) => expressionHolds(expression, value)),
  );
}
