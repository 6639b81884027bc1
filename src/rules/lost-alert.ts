import type { AlertSignal } from '../signal/index.ts';
import type { RulesCore } from './core.ts';
import { isWanted } from './kinds/alert.ts';
import { resolveHints } from './resolve.ts';
import { podOfName } from './state/pod-table.ts';
import type { RulesState } from './state/state.ts';

/** A pod by its names. */
export interface PodName {
  namespace: string;
  pod: string;
}

/**
 * The pod whose node would tell whether the alert is about this one: an alert that a rule wants,
 * that names a pod which is not here, and no node. Every node hears it, and without an answer each
 * of them would decide `target-unknown`. Changes nothing.
 */
export function lostPodOf(
  core: RulesCore,
  { pods }: Pick<RulesState, 'pods'>,
  signal: AlertSignal,
): PodName | undefined {
  const { node, namespace, pod } = signal.hints;
  if (node !== undefined || namespace === undefined || pod === undefined) return undefined;
  if (podOfName(pods, namespace, pod) || !isWanted(core, signal)) return undefined;
  const found = resolveHints(pods, signal.hints, core.options.nodeName);
  return 'reason' in found ? { namespace, pod } : undefined;
}
