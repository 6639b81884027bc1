import type { TargetSelector } from '../rule.ts';
import type { GivenRule } from '../schema/index.ts';

/** `spec.target` as the core reads it; what is not given is left out. */
export function compileTarget(given: GivenRule['spec']['target']): TargetSelector {
  const { namespaces, podSelector, owner, containers, containerTypes, exclude } = given;
  return {
    namespaces,
    ...podSelector,
    ...(owner && { owner }),
    containers,
    ...(containerTypes && { containerTypes }),
    ...(exclude && {
      exclude: {
        namespaces: exclude.namespaces ?? [],
        ...(exclude.podSelector && { labels: exclude.podSelector }),
        ...(exclude.owner && { owner: exclude.owner }),
        containers: exclude.containers ?? [],
      },
    }),
  };
}
