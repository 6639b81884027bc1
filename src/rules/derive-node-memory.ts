import type { Steps } from '../base/index.ts';
import { isRunning, type MemoryAmount, type Target } from '../signal/index.ts';
import { deniedBy, type RulesCore, reachingOf } from './core.ts';
import { neverEvicted } from './eviction-rank.ts';
import { targetOf } from './judge.ts';
import { selectsContainer } from './select.ts';
import type { RulesState } from './state/state.ts';

/** What the source of the node's memory is to look at. */
export interface NodeMemoryThresholds {
  /** Pods are to be measured while less than one of these is available. */
  below: readonly MemoryAmount[];
  /** That this much is available again is to be told too. */
  above: readonly MemoryAmount[];
  /** Containers that could be evicted and that a rule reaches. */
  targets: readonly Target[];
}

/**
 * Undefined where no rule is about the node's memory. Ask again after pod signals and reloads. In
 * steps of one pod each; see memoryThresholdSteps.
 */
export function* nodeMemoryThresholdSteps(
  core: RulesCore,
  state: RulesState,
): Steps<NodeMemoryThresholds | undefined> {
  const { nodeMemory } = core;
  if (nodeMemory.length === 0) return undefined;
  const targets: Target[] = [];
  for (const entry of state.pods.byUid.values()) {
    yield;
    const rules = reachingOf(core, entry, nodeMemory);
    if (rules.length === 0 || neverEvicted(entry.fact) !== undefined) continue;
    for (const container of entry.fact.containers) {
      if (!isRunning(container) || deniedBy(core, entry, container) !== undefined) continue;
      if (!rules.some(({ target }) => selectsContainer(target, container))) continue;
      targets.push(targetOf({ entry, container }));
    }
  }
  return {
    below: nodeMemory.map(({ when }) => when.availableBelow),
    above: nodeMemory.map(({ when }) => when.availableAbove),
    targets,
  };
}
