import { apply, kubectl } from './kubectl.ts';

export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** The one right that asking a kubelet for a checkpoint takes. */
export const mayCheckpoint: PolicyRule = {
  apiGroups: [''],
  resources: ['nodes/checkpoint'],
  verbs: ['create'],
};

/**
 * Makes a service account with exactly these rights in the whole cluster and returns a token of
 * it. Give all rights before its first call: a kubelet remembers a refusal for 30 s.
 */
export async function createServiceAccountToken(
  name: string,
  rules: readonly PolicyRule[],
  namespace = 'default',
): Promise<string> {
  const rbac = 'rbac.authorization.k8s.io';
  const items: object[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
  ];
  if (rules.length > 0) {
    items.push(
      { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    );
  }
  await apply({ apiVersion: 'v1', kind: 'List', items });
  return (await kubectl(['create', 'token', name, '-n', namespace])).trim();
}
