import type { PolicyRule } from '../lib/index.ts';

/** The rights of the agent, as `deploy/` will give them: these and no other. */
export const agentRights: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch', 'create', 'patch'] },
  { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
  { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['get'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get'] },
  { apiGroups: [''], resources: ['nodes/metrics', 'nodes/configz'], verbs: ['get'] },
];

/** The component for the kubelet backend. */
export const checkpointRight: PolicyRule = {
  apiGroups: [''],
  resources: ['nodes/checkpoint'],
  verbs: ['create'],
};
