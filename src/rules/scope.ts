import type { Owner, PodFact, Target } from '../signal/index.ts';

/**
 * What a limit counts together, always for one rule. `node` and `rule` are the same on one node:
 * `rule` means all nodes, which is counted where all nodes are known.
 */
export const scopes = ['container', 'pod', 'owner', 'namespace', 'node', 'rule'] as const;

export type Scope = (typeof scopes)[number];

/** The names of a target that scopes are made of. */
export type Named = Pick<Target, 'namespace' | 'pod' | 'container'>;

/**
 * What is counted together with the target, as text: a container under its name in any life, a
 * pod under its name. `owner` is the top owner of its pod; a pod without one is its own.
 */
export function scopeKey(per: Scope, target: Named, owner: Owner | undefined): string {
  const { namespace, pod, container } = target;
  switch (per) {
    case 'container':
      return `${namespace}/${pod}/${container}`;
    case 'pod':
      return `${namespace}/${pod}`;
    case 'owner':
      return `${owner?.kind ?? 'Pod'} ${namespace}/${owner?.name ?? pod}`;
    case 'namespace':
      return namespace;
    case 'node':
    case 'rule':
      return '';
  }
}

/** The owner that limits count by: the top one, or the one that the pod names while that is unknown. */
export function ownerOf({ topOwner, owner }: PodFact): Owner | undefined {
  return topOwner ?? owner;
}
