import type { Check } from './check.ts';
import { agentCheck } from './checks/agent.ts';
import { apiServerCheck } from './checks/api-server.ts';
import { cgroupCheck } from './checks/cgroups.ts';
import { clockCheck } from './checks/clocks.ts';
import { criuCheck } from './checks/criu.ts';
import { denyListCheck } from './checks/deny-list.ts';
import { checkpointsDirectoryCheck, stateDirectoryCheck } from './checks/directories.ts';
import { diskCheck } from './checks/disks.ts';
import { guardCheck } from './checks/guard.ts';
import { httpCheck } from './checks/http.ts';
import { kubeletCheck } from './checks/kubelet.ts';
import { kubeletCertificateCheck } from './checks/kubelet-certificate.ts';
import { kubeletConfigCheck } from './checks/kubelet-config.ts';
import { machineCheck } from './checks/machine.ts';
import { natsCheck } from './checks/nats.ts';
import { nodeCheck } from './checks/node-object.ts';
import { rightsCheck } from './checks/rights.ts';
import { rulesCheck } from './checks/rules.ts';
import { runtimeCheck } from './checks/runtime.ts';
import { runtimeConfigCheck } from './checks/runtime-config.ts';
import { tasksCheck } from './checks/tasks.ts';

/** Everything that is looked at, in the order in which it is shown. */
export const checks: readonly Check[] = [
  machineCheck,
  agentCheck,
  guardCheck,
  apiServerCheck,
  nodeCheck,
  rightsCheck,
  kubeletCheck,
  kubeletCertificateCheck,
  kubeletConfigCheck,
  runtimeCheck,
  runtimeConfigCheck,
  tasksCheck,
  criuCheck,
  cgroupCheck,
  checkpointsDirectoryCheck,
  stateDirectoryCheck,
  diskCheck,
  denyListCheck,
  rulesCheck,
  natsCheck,
  httpCheck,
  clockCheck,
];

export const checkNames: readonly string[] = checks.map(({ name }) => name);
