import { describeTarget } from '../signal/index.ts';
import type { RecentTrigger } from './api-types.ts';
import type { Facts } from './facts.ts';

/** The latest firings that captured nothing because rule or agent only observes, newest first. */
export interface Observed {
  recent(): readonly RecentTrigger[];
}

const REMEMBERED_MAX = 20;

/** Listens from now on. Not kept over a restart: the log and the Events on the pods tell too. */
export function createObserved(facts: Facts): Observed {
  let recent: readonly RecentTrigger[] = [];
  facts.listen((fact) => {
    if (fact.kind !== 'decision') return;
    const { reason, rule, target, atMs, detail, trail } = fact.decision;
    if (reason !== 'observed' || !target) return;
    const where = { id: '', acceptedMs: atMs, target: describeTarget(target) };
    const one = { ...where, rule, state: reason, detail, trail };
    recent = [one, ...recent].slice(0, REMEMBERED_MAX);
  });
  return { recent: () => recent };
}
