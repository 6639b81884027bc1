import type { KubeObject } from './api/index.ts';
import { kubeTime } from './model/index.ts';
import type { SimSettings } from './options.ts';

/** The Node object; its versions say that it is simulated. */
export function nodeJson({ nodeName, clock }: SimSettings): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: nodeName,
      creationTimestamp: kubeTime(clock.wallMs()),
      labels: { 'kubernetes.io/hostname': nodeName, 'kubernetes.io/os': 'linux' },
    },
    spec: {},
    status: {
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: nodeName },
      ],
      nodeInfo: {
        architecture: 'amd64',
        operatingSystem: 'linux',
        osImage: 'Stillpoint sim (simulated)',
        kernelVersion: '6.12.0-simulated',
        kubeletVersion: 'v1.37.0+simulated',
        containerRuntimeVersion: 'containerd://2.4.2+simulated',
      },
    },
  };
}
