import type { SimContainer, SimPod } from './pod.ts';

/** The OCI runtime spec that containerd's CRI plugin would make; `spec.dump` and runtimeSpec. */
export function ociSpec(pod: SimPod, container: SimContainer, cgroupsPath: string) {
  const { spec } = container;
  const namespaces = ['pid', 'ipc', 'uts', 'mount', ...(pod.hostNetwork ? [] : ['network'])];
  return {
    ociVersion: '1.2.1',
    process: {
      user: { uid: 0, gid: 0, additionalGids: [0] },
      args: spec.command,
      env: environmentOf(pod, container),
      cwd: '/',
      oomScoreAdj: 0,
    },
    root: { path: 'rootfs' },
    hostname: pod.name,
    mounts: [
      {
        destination: '/proc',
        type: 'proc',
        source: 'proc',
        options: ['nosuid', 'noexec', 'nodev'],
      },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'ro'] },
    ],
    annotations: {
      'io.kubernetes.cri.container-name': spec.name,
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.image-name': spec.image,
      'io.kubernetes.cri.sandbox-id': pod.sandboxId,
      'io.kubernetes.cri.sandbox-name': pod.name,
      'io.kubernetes.cri.sandbox-namespace': pod.namespace,
      'io.kubernetes.cri.sandbox-uid': pod.runtimeUid,
    },
    linux: {
      resources: {
        ...(spec.memoryLimitBytes !== undefined && { memory: { limit: spec.memoryLimitBytes } }),
        cpu: { shares: 2, period: 100_000 },
      },
      cgroupsPath,
      namespaces: namespaces.map((type) => ({ type })),
    },
  };
}

/** What the process finds in its environment. */
export function environmentOf(pod: SimPod, { spec }: SimContainer): string[] {
  return [
    'PATH=/usr/local/bin:/usr/bin:/bin',
    `HOSTNAME=${pod.name}`,
    ...Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`),
  ];
}

/** Labels that the kubelet puts on a container in the runtime. */
export function criLabels(pod: SimPod, container: SimContainer): Record<string, string> {
  return {
    'io.kubernetes.container.name': container.spec.name,
    'io.kubernetes.pod.name': pod.name,
    'io.kubernetes.pod.namespace': pod.namespace,
    'io.kubernetes.pod.uid': pod.runtimeUid,
  };
}

export function criAnnotations(pod: SimPod, attempt: number): Record<string, string> {
  return {
    'io.kubernetes.container.restartCount': String(attempt),
    'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
    'io.kubernetes.pod.terminationGracePeriod': String(pod.terminationGraceMs / 1_000),
  };
}
