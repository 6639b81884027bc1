import type { ContainerFact } from '../../signal/index.ts';
import type { Rule } from '../rule.ts';
import type { PodEntry } from '../state/pod-table.ts';
import type { AnyTold } from '../where/index.ts';
import type { Answer, RuleExplanation } from './explain.ts';

/** One rule and one container that it can reach. */
export interface Case {
  rule: Rule;
  entry: PodEntry;
  container: ContainerFact;
  /** What the condition would tell `where`. */
  told?: AnyTold;
}

/** What the rule waits for at this container. */
export interface Waits extends Pick<RuleExplanation, 'answer' | 'detail' | 'trail'> {
  /** It counts more than a limit and than whether the container runs. */
  isStanding: boolean;
}

export function waits(
  answer: Answer,
  detail: string,
  trail: Waits['trail'],
  isStanding = false,
): Waits {
  return { answer, detail, trail, isStanding };
}
