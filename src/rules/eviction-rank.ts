import { type ContainerFact, isRunning, type PodFact, type PodMemory } from '../signal/index.ts';
import { deniedBy, type RulesCore, reachesPod } from './core.ts';
import type { Rule } from './rule.ts';
import { selectsContainer } from './select.ts';
import type { PodEntry } from './state/pod-table.ts';
import type { RulesState } from './state/state.ts';

/** A pod that the kubelet may evict for memory, and the container of it that would be captured. */
export interface Evictable {
  entry: PodEntry;
  /** Of those that the rule selects and that run, the one with the largest working set. */
  container: ContainerFact;
  usedBytes: number;
  requestBytes: number;
  priority: number;
}

/** From here on a pod is critical (k8s.io/kubernetes/pkg/apis/scheduling SystemCriticalPriority). */
const CRITICAL_PRIORITY_MIN = 2_000_000_000;

/** Why the kubelet passes the pod over (pkg/kubelet/types IsCriticalPod); undefined = it does not. */
export function neverEvicted({ isStatic, priority = 0 }: PodFact): string | undefined {
  if (isStatic) return 'the kubelet evicts no static pod';
  if (priority < CRITICAL_PRIORITY_MIN) return undefined;
  return `the kubelet evicts no critical pod, and its priority is ${priority}`;
}

/**
 * The pods that the rule reaches, in the order in which the kubelet would evict them
 * (pkg/kubelet/eviction rankMemoryPressure): those that use more than they request, then the lower
 * priority, then what is used above the request. Of equal ones by name, where the kubelet has no
 * order. A pod that is not measured yet is left out.
 */
export function rankForEviction(
  core: RulesCore,
  state: RulesState,
  rule: Rule,
  measured: readonly PodMemory[],
): Evictable[] {
  const found: Evictable[] = [];
  for (const pod of measured) {
    const entry = state.pods.byUid.get(pod.podUid);
    if (!entry || !reachesPod(entry, rule) || neverEvicted(entry.fact) !== undefined) continue;
    const container = largestOf(core, rule, entry, pod);
    if (!container) continue;
    const { memoryRequestBytes: requestBytes = 0, priority = 0 } = entry.fact;
    found.push({ entry, container, usedBytes: pod.usedBytes, requestBytes, priority });
  }
  return found.sort(compare);
}

function largestOf(
  core: RulesCore,
  rule: Rule,
  entry: PodEntry,
  { containers }: PodMemory,
): ContainerFact | undefined {
  let largest: { container: ContainerFact; usedBytes: number } | undefined;
  for (const { container: name, containerId, usedBytes } of containers) {
    const container = entry.fact.containers.find((one) => one.name === name);
    if (!container || container.containerId !== containerId || !isRunning(container)) continue;
    if (!selectsContainer(rule.target, container)) continue;
    if (deniedBy(core, entry, container) !== undefined) continue;
    if (!largest || usedBytes > largest.usedBytes) largest = { container, usedBytes };
  }
  return largest?.container;
}

function compare(one: Evictable, other: Evictable): number {
  const byExcess = Number(excessOf(other) > 0) - Number(excessOf(one) > 0);
  if (byExcess !== 0) return byExcess;
  if (one.priority !== other.priority) return one.priority - other.priority;
  if (excessOf(one) !== excessOf(other)) return excessOf(other) - excessOf(one);
  return nameOf(one) < nameOf(other) ? -1 : 1;
}

function excessOf({ usedBytes, requestBytes }: Evictable): number {
  return usedBytes - requestBytes;
}

function nameOf({ entry: { fact } }: Evictable): string {
  return `${fact.namespace}/${fact.name}`;
}
