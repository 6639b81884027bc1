import { globMatches } from '../base/index.ts';
import type { PodFact } from '../signal/index.ts';

/** What is never captured, whatever a rule says: freezing it would harm the node or ourselves. */
export interface DenyList {
  /** Globs on namespaces: control plane, CNI, platform. */
  namespaces: readonly string[];
  /** What is known of our own pods. */
  self: {
    podUid?: string;
    /** Namespace that Stillpoint is installed in; when unknown its label counts anywhere. */
    namespace?: string;
  };
}

/** Namespaces of control planes, network plugins and proxies, as their projects install them. */
export const deniedNamespaces: readonly string[] = [
  'kube-system',
  'kube-node-lease',
  'kube-flannel',
  'calico-system',
  'calico-apiserver',
  'tigera-operator',
  'cilium',
  'cilium-system',
  'antrea-system',
  'kube-ovn',
  'kube-router',
  'openshift-*',
];

/** The deny list of a default install. */
export function createDenyList(self: DenyList['self'] = {}): DenyList {
  return { namespaces: deniedNamespaces, self };
}

/**
 * Labels by which network plugins, proxies and runtime helpers mark their pods, wherever they are
 * installed. They count only on the host's network, where all of these run: else anybody could
 * hide a pod from capture with a label.
 */
const NODE_AGENTS: Readonly<Record<string, readonly string[]>> = {
  'k8s-app': [
    'kube-proxy',
    'calico-node',
    'canal',
    'cilium',
    'cilium-envoy',
    'flannel',
    'kindnet',
    'kube-router',
    'aws-node',
    'azure-cns',
    'node-local-dns',
  ],
  app: ['flannel', 'kindnet', 'multus', 'antrea', 'kube-ovn-cni', 'ovs', 'ovnkube-node'],
  name: ['weave-net', 'multus'],
  'app.kubernetes.io/name': ['cilium-agent', 'cilium-envoy', 'kube-router', 'multus'],
  component: ['kube-apiserver', 'etcd', 'kube-controller-manager', 'kube-scheduler'],
};

/**
 * The entry of the deny list that holds for the pod, for people; undefined when none does. Pure:
 * capture asks again right before it freezes.
 */
export function denyReason(pod: PodFact, list: DenyList): string | undefined {
  if (pod.uid === list.self.podUid) return 'the pod of this agent';
  const namespace = list.namespaces.find((glob) => globMatches(glob, pod.namespace));
  if (namespace !== undefined) return `namespace ${namespace}`;
  if (pod.isStatic) return 'static pod';
  if (isStillpoint(pod, list)) return 'label app.kubernetes.io/name=stillpoint';
  if (!pod.hostNetwork) return undefined;
  for (const [key, values] of Object.entries(NODE_AGENTS)) {
    const value = pod.labels[key];
    if (value !== undefined && values.includes(value)) return `label ${key}=${value}`;
  }
  return undefined;
}

function isStillpoint(pod: PodFact, { self }: DenyList): boolean {
  if (pod.labels['app.kubernetes.io/name'] !== 'stillpoint') return false;
  return self.namespace === undefined || self.namespace === pod.namespace;
}
