import { describe, expect, it } from '@jest/globals';
import { createDenyList, denyReason } from '../../src/rules/index.ts';
import type { PodFact } from '../../src/signal/index.ts';
import { pod } from './support/bench.ts';

describe('the deny list', () => {
  const list = createDenyList({ podUid: 'own' });
  const stillpoint = { 'app.kubernetes.io/name': 'stillpoint' };
  const rows: [name: string, pod: Partial<PodFact>, reason: string | undefined][] = [
    ['an ordinary pod', {}, undefined],
    ['kube-system', { namespace: 'kube-system' }, 'namespace kube-system'],
    ['a namespace that only looks alike', { namespace: 'kube-system-2' }, undefined],
    ['a CNI namespace', { namespace: 'calico-system' }, 'namespace calico-system'],
    ['a platform namespace', { namespace: 'openshift-etcd' }, 'namespace openshift-*'],
    ['a static pod', { isStatic: true }, 'static pod'],
    ['our own pod', { uid: 'own' }, 'the pod of this agent'],
    ['another pod of ours', { labels: stillpoint }, 'label app.kubernetes.io/name=stillpoint'],
    [
      'a CNI agent elsewhere',
      { hostNetwork: true, labels: { 'k8s-app': 'cilium' } },
      'label k8s-app=cilium',
    ],
    ['a pod that hides behind a label', { labels: { 'k8s-app': 'cilium' } }, undefined],
    ['a pod on the host network', { hostNetwork: true, labels: { app: 'web' } }, undefined],
  ];
  it.each(rows)('%s', (_name, more, reason) => {
    expect(denyReason(pod(more), list)).toBe(reason);
  });

  it('takes our label only in our namespace, once that is known', () => {
    const known = createDenyList({ namespace: 'stillpoint' });
    const labels = stillpoint;
    expect(denyReason(pod({ labels }), known)).toBeUndefined();
    expect(denyReason(pod({ labels, namespace: 'stillpoint' }), known)).toBe(
      'label app.kubernetes.io/name=stillpoint',
    );
  });
});
