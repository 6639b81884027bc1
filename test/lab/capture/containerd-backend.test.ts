import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { removeImages } from '../../../src/archive/index.ts';
import { silentLogger, systemClock } from '../../../src/base/index.ts';
import {
  createContainerdBackend,
  createLeftoverImages,
  type DumpOrder,
  ensureThawed,
  type HeldFreeze,
  imagesFolder,
  imagesFolderOf,
} from '../../../src/capture/index.ts';
import type { ContainerCgroup } from '../../../src/node/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { type BackendWorld, backendContract } from '../../contract/backend-contract.ts';
import { deletePod, podLogs, startWorkPod, waitFor } from '../lib/index.ts';
import { cgroupOf, type LabClients, openLabClients, targetOfPod } from './lab-node.ts';

/** Its dump takes half a second: long enough to be given up in the middle. */
const SIZE_MB = 1_024;
const pod = 'contract-containerd';
const OPTIONS = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };

/** A guard that is always there. What the real one does is its own tests' matter. */
const lease = { protect: async () => ({ lapsed: () => false, release: () => undefined }) };

describe('containerd on the real node', () => {
  let clients: LabClients;
  let target: Target;
  let cgroup: ContainerCgroup;

  beforeAll(async () => {
    clients = openLabClients();
    const command = ['hog', '2000', String(SIZE_MB), '0'];
    target = targetOfPod(await startWorkPod({ name: pod, command }));
    await waitFor('the memory to be full', async () => (await podLogs(pod)).includes('full'));
    cgroup = await cgroupOf(clients, target.containerId);
  });
  afterAll(async () => {
    clients.close();
    await deletePod(pod);
  });

  const isTraced = () =>
    clients.probe.cgroups.pids(cgroup).some((pid) => clients.probe.tracerPid(pid) !== 0);

  const order = async (
    sequence: DumpOrder['sequence'],
    archivePath: string,
  ): Promise<DumpOrder> => {
    const folder = imagesFolderOf(clients.node.checkpointsDir, archivePath);
    return {
      ...{ sequence, sequenceReason: 'the contract', options: OPTIONS, cgroup },
      consistency: sequence === 'race' ? 'frozen' : 'running',
      imagesDirectory: imagesFolder(folder).checkpoint,
      status: await clients.runtime.status(target.containerId),
      freezeMsMax: 60_000,
    };
  };

  const world = (sequence: DumpOrder['sequence']) => async (): Promise<BackendWorld> => {
    const { runtime, probe, node } = clients;
    const checkpointsDirectory = node.checkpointsDir;
    const tools = { clock: systemClock, log: silentLogger, runtime, node: probe };
    const leftovers = createLeftoverImages({ ...tools, remove: removeImages });
    const runsAgain = async (held?: HeldFreeze) => {
      const { containerId } = target;
      const question = { containerId, cgroup, frozenBefore: false, mayFinishLater: true };
      const { end } = await ensureThawed(tools, { ...question, frozenBy: held?.frozenBy });
      if (end !== 'runs') throw new Error(`the container is left ${end}`);
    };
    return {
      backend: createContainerdBackend({ ...tools, lease, leftovers, checkpointsDirectory }),
      target,
      unknownTarget: { ...target, pod: 'nobody', containerId: 'f'.repeat(64) },
      checkpointsDirectory,
      order: (_, archivePath) => order(sequence, archivePath),
      holdNext: () => ({
        begun: waitFor('CRIU to hold the container', isTraced, {
          everyMs: 2,
          timeoutMs: 10_000,
        }).then(() => undefined),
      }),
      pass: (ms) => systemClock.sleep(ms),
      runsAgain,
      async close() {
        leftovers.stop();
        rmSync(join(checkpointsDirectory, '.stillpoint', 'images'), {
          recursive: true,
          force: true,
        });
      },
    };
  };

  backendContract('containerd, calm', world('calm'));
  backendContract('containerd, race', world('race'));
});
