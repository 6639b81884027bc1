import { existsSync } from 'node:fs';
import type { CgroupDriver, KubeletCert } from '../lab-info.ts';

export interface UpOptions {
  /** How many nodes, 1 to 9. */
  nodes: number;
  /** With kube-scheduler and kube-controller-manager. */
  full: boolean;
  /** Each node has its files at the standard paths, in a mount namespace of its own. */
  ownPaths: boolean;
  kubeletCert: KubeletCert;
  /** Kubernetes feature gates, given to all of its programs. */
  featureGates: Record<string, boolean>;
  cgroupDriver: CgroupDriver;
  /** Once this process is gone, the next `up` may clear the lab away. */
  diesWithThisProcess: boolean;
}

export const defaultUpOptions: UpOptions = {
  nodes: 1,
  full: false,
  ownPaths: false,
  kubeletCert: 'ca',
  featureGates: {},
  cgroupDriver: 'cgroupfs',
  diesWithThisProcess: false,
};

export function checkUpOptions(options: UpOptions): void {
  if (!Number.isInteger(options.nodes) || options.nodes < 1 || options.nodes > 9) {
    throw new Error(`a lab has 1 to 9 nodes, not ${options.nodes}`);
  }
  if (options.cgroupDriver === 'systemd' && !existsSync('/run/systemd/system')) {
    throw new Error(
      'the systemd cgroup driver needs systemd as process 1, which this machine has not: ' +
        'use it in the virtual machine ("npm run lab -- vm -s …")',
    );
  }
  if (options.cgroupDriver === 'systemd' && options.nodes > 1) {
    throw new Error('with the systemd cgroup driver all kubelets share one slice: use 1 node');
  }
}
