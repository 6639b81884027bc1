import { describe, expect, it } from '@jest/globals';
import type { SimOptions, SimPodSpec } from '../../src/sim/index.ts';
import { cart, rule, useNodes } from './support/node.ts';

const startNode = useNodes();
const RULE = rule('leak', 'when: { memory: { above: 85% } }, target: {}');

describe('auto, on a node where containerd cannot be asked', () => {
  it.each<[string, Partial<SimOptions>, Partial<SimPodSpec>, string, RegExp]>([
    [
      'CRI-O: through cri',
      { runtime: { name: 'cri-o', version: '1.34.0' } },
      {},
      'cri',
      /^auto: containerd: the runtime is cri-o, not containerd; cri: cri-o 1\.34\.0\S* answers$/,
    ],
    [
      'an old containerd: through the kubelet',
      { runtime: { name: 'containerd', version: 'v1.7.27' } },
      {},
      'kubelet',
      /^auto: containerd: containerd v1\.7\.27\S* cannot checkpoint, .*; cri: .*; kubelet: /,
    ],
    [
      'a virtual machine: through cri',
      {},
      { runtimeType: 'io.containerd.kata.v2' },
      'cri',
      /^auto: containerd: the container runs under io\.containerd\.kata\.v2, .*; cri: /,
    ],
    [
      'the newest containerd: through its own task service',
      {},
      {},
      'containerd',
      /^auto: containerd: containerd v2\.4\.2\S* answers, its tasks too$/,
    ],
  ])('%s, with the reason in the record', async (_, options, pod, backend, reason) => {
    const node = await startNode(options);
    node.rules('leak', RULE);
    node.sim.scenario.addPod({ ...cart(), ...pod });
    const running = await node.start();
    void node.sim.scenario.leak({ namespace: 'shop', pod: 'cart', container: 'app' }, 60e6);
    const record = await running.archived();
    expect(record.backend).toBe(backend);
    expect(record.backendReason).toMatch(reason);
    expect(record.verified).toBe('complete');
  });
});
