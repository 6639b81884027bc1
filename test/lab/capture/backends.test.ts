import { afterAll, beforeAll, describe } from '@jest/globals';
import { silentLogger, systemClock } from '../../../src/base/index.ts';
import {
  createCriBackend,
  createKubeletBackend,
  createKubeletSight,
  ensureThawed,
} from '../../../src/capture/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { type BackendWorld, backendContract } from '../../contract/backend-contract.ts';
import { deletePod, podLogs, startWorkPod, waitFor } from '../lib/index.ts';
import { cgroupOf, type LabClients, openLabClients, targetOfPod } from './lab-node.ts';

/** Large enough that a checkpoint can be given up in the middle, small enough to be quick. */
const SIZE_MB = 384;
const pod = 'contract';

describe('on the real node', () => {
  let clients: LabClients;
  let target: Target;

  beforeAll(async () => {
    clients = openLabClients();
    const command = ['hog', '2000', String(SIZE_MB), '0'];
    target = targetOfPod(await startWorkPod({ name: pod, command }));
    await waitFor('the memory to be full', async () => (await podLogs(pod)).includes('full'));
  });
  afterAll(async () => {
    clients.close();
    await deletePod(pod);
  });

  const world = async (name: 'cri' | 'kubelet'): Promise<BackendWorld> => {
    const { runtime, kubelet, probe, node } = clients;
    const checkpointsDirectory = node.checkpointsDir;
    const cgroup = await cgroupOf(clients, target.containerId);
    const tools = { clock: systemClock, log: silentLogger, runtime, node: probe };
    const runsAgain = async () => {
      const { containerId } = target;
      const question = { containerId, cgroup, frozenBefore: false, mayFinishLater: true };
      const { end } = await ensureThawed(tools, question);
      if (end !== 'runs') throw new Error(`the container is left ${end}`);
    };
    return {
      backend:
        name === 'cri'
          ? createCriBackend({ runtime, clock: systemClock })
          : createKubeletBackend({
              sight: createKubeletSight(kubelet, systemClock),
              clock: systemClock,
              checkpointsDirectory,
            }),
      target,
      unknownTarget: { ...target, pod: 'nobody', containerId: 'f'.repeat(64) },
      checkpointsDirectory,
      holdNext: () => ({
        begun: waitFor(
          'the checkpoint to freeze',
          () => probe.cgroups.freezerState(cgroup) === 'frozen',
          { everyMs: 2, timeoutMs: 10_000 },
        ).then(() => undefined),
      }),
      pass: (ms) => systemClock.sleep(ms),
      runsAgain,
      close: () => Promise.resolve(),
    };
  };

  backendContract('cri', () => world('cri'));
  backendContract('kubelet', () => world('kubelet'));
});
