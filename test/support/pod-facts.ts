import type { PodFact, Target } from '../../src/signal/index.ts';

/** The pod of a target, running, with no containers unless they are given. */
export function podFactOf(
  { namespace, pod, podUid }: Target,
  overrides: Partial<PodFact> = {},
): PodFact {
  return {
    namespace,
    name: pod,
    uid: podUid,
    isStatic: false,
    nodeName: 'node-1',
    labels: {},
    annotations: {},
    phase: 'Running',
    terminationGraceMs: 30_000,
    hostNetwork: false,
    containers: [],
    ...overrides,
  };
}
