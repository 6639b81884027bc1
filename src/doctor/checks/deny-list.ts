import { deniedNamespaces } from '../../rules/index.ts';
import { defineCheck } from '../check.ts';
import { type Finding, ok, warn } from '../line.ts';

export interface DenyListFacts {
  inPod: boolean;
  podUid?: string;
  podNamespace?: string;
  /** deny.namespaces of the configuration. */
  added: readonly string[];
}

/** What is never captured, and whether the agent knows its own pod. */
export const denyListCheck = defineCheck(
  'deny-list',
  ({ env, config }): DenyListFacts => ({
    inPod: env.KUBERNETES_SERVICE_HOST !== undefined,
    podUid: env.POD_UID,
    podNamespace: env.POD_NAMESPACE,
    added: config.deny.namespaces,
  }),
  judgeDenyList,
);

export function judgeDenyList({ inPod, podUid, podNamespace, added }: DenyListFacts): Finding[] {
  const own = added.length > 0 ? ` and ${added.join(', ')}` : '';
  const list = `${deniedNamespaces.length} namespaces${own}, static pods, Stillpoint itself`;
  if (!inPod) return [ok(list)];
  const missing = [
    ...(podUid === undefined ? ['POD_UID'] : []),
    ...(podNamespace === undefined ? ['POD_NAMESPACE'] : []),
  ];
  if (missing.length === 0) return [ok(list)];
  const what = `${missing.join(' and ')} not set: the agent knows its own pod by its label alone`;
  const next = 'Give them by the downward API, as deploy/base/daemonset.yaml does.';
  return [warn('own-pod-unknown', what, next)];
}
