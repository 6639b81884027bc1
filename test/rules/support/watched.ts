import { runAtOnce } from '../../../src/base/index.ts';
import {
  type MemoryThreshold,
  memoryThresholdSteps,
  type ProbeWatch,
  probeWatchSteps,
  type RulesCore,
  type RulesState,
} from '../../../src/rules/index.ts';

/** What sources are to watch, found in one go. */
export function memoryThresholds(core: RulesCore, state: RulesState): MemoryThreshold[] {
  return runAtOnce(memoryThresholdSteps(core, state));
}

export function probeWatches(core: RulesCore, state: RulesState): ProbeWatch[] {
  return runAtOnce(probeWatchSteps(core, state));
}
