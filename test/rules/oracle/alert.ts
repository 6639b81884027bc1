import type { AlertSignal } from '../../../src/signal/index.ts';
import { idOf, type PlainRule, type PlainTest, type WhenOf } from './plain-rule.ts';
import { hindrance, reaches } from './reach.ts';
import { findByHints } from './resolve.ts';
import { fire, held, rulesOfKind, say, suppress, type World } from './world.ts';

export function takeAlert(world: World, signal: AlertSignal): void {
  const wanting = rulesOfKind(world, 'alert').filter((rule) => wants(rule, signal));
  const found = findByHints(world, signal.hints);
  if (found === 'elsewhere') return;
  if (typeof found === 'string') {
    for (const rule of wanting) say(world, 'suppress', found, { rule: idOf(rule) });
    return;
  }
  const { known, container } = found;
  const selecting = wanting.filter((rule) => reaches(rule, known.pod, container));
  for (const rule of selecting) {
    const one = { rule, known, container };
    const reason = hindrance(known.pod, container) ?? held(world, one)?.reason;
    if (reason) suppress(world, one, reason);
    else fire(world, one);
  }
  if (selecting.length > 0) return;
  for (const rule of wanting) suppress(world, { rule, known, container }, 'not-selected');
}

/** Of Alertmanager's alerts only those that fire, unless a test names the status. */
function wants({ when }: PlainRule & { when: WhenOf<'alert'> }, signal: AlertSignal): boolean {
  if (when.shape !== signal.shape) return false;
  const fields = new Map(Object.entries(signal.fields));
  const isOver = when.shape === 'alertmanager' && fields.get('status') !== 'firing';
  if (isOver && !when.match.some(({ field }) => field === 'status')) return false;
  return when.match.every((test) => holds(test, fields.get(test.field)));
}

function holds({ equals, in: oneOf, beginsWith, exists }: PlainTest, value: unknown): boolean {
  const isThere = value !== undefined && value !== null;
  if (equals !== undefined && value !== equals) return false;
  if (oneOf && !oneOf.some((one) => one === value)) return false;
  if (beginsWith !== undefined && !(isThere && String(value).startsWith(beginsWith))) return false;
  return exists === undefined || exists === isThere;
}
