import { type Life, qosOf, type SimPod } from '../model/index.ts';

/** How the kubelet and containerd name cgroups, for either driver. All start with `/`. */
export interface CgroupNames {
  kubepods: string;
  qos: string;
  pod: string;
  container: string;
  /** runtimeSpec.linux.cgroupsPath: the path itself, or `slice:prefix:id`. */
  cgroupsPath: string;
}

export function cgroupNames(
  driver: 'cgroupfs' | 'systemd',
  pod: SimPod,
  life?: Pick<Life, 'containerId'>,
): CgroupNames {
  const qos = qosOf(pod).toLowerCase();
  const id = life?.containerId ?? '';
  if (driver === 'cgroupfs') {
    const podPath = `/kubepods/${qos}/pod${pod.runtimeUid}`;
    const container = `${podPath}/${id}`;
    return {
      kubepods: '/kubepods',
      qos: `/kubepods/${qos}`,
      pod: podPath,
      container,
      cgroupsPath: container,
    };
  }
  const slice = `kubepods-${qos}-pod${pod.runtimeUid.replaceAll('-', '_')}.slice`;
  const qosPath = `/kubepods.slice/kubepods-${qos}.slice`;
  return {
    kubepods: '/kubepods.slice',
    qos: qosPath,
    pod: `${qosPath}/${slice}`,
    container: `${qosPath}/${slice}/cri-containerd-${id}.scope`,
    cgroupsPath: `${slice}:cri-containerd:${id}`,
  };
}
