import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { removeImages } from '../../../src/archive/index.ts';
import { systemClock } from '../../../src/base/index.ts';
import {
  type Backend,
  createContainerdBackend,
  createLeftoverImages,
  type DumpOrder,
  ensureThawed,
  imagesFolder,
  imagesFolderOf,
} from '../../../src/capture/index.ts';
import type { ContainerCgroup } from '../../../src/node/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { type BackendWorld, backendContract } from '../../contract/backend-contract.ts';
import { useCaptureRig } from '../capture/capture-rig.ts';
import { cgroupOf } from '../capture/lab-node.ts';
import { deletePod, waitFor } from '../lib/index.ts';
import { pidsOf } from '../rig/index.ts';
import { startHog } from './hog.ts';
import { patientLease } from './patient-lease.ts';

/** Its dump takes a second and more there: long enough to be given up in the middle. */
const SIZE_MB = 128;
const SLOWER = 5;
const POD = 'contract';
const OPTIONS = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };

describe('on cgroup v2', () => {
  const rig = useCaptureRig();
  let target: Target;
  let cgroup: ContainerCgroup;

  beforeAll(async () => {
    target = await startHog(POD, SIZE_MB);
    cgroup = await cgroupOf(rig.clients, target.containerId);
  });
  afterAll(() => deletePod(POD));

  const orderOf = async (
    sequence: DumpOrder['sequence'],
    archivePath: string,
  ): Promise<DumpOrder> => {
    const { runtime } = rig.clients;
    const folder = imagesFolderOf(dirname(archivePath), archivePath);
    return {
      ...{ sequence, sequenceReason: 'the contract', cgroup, options: OPTIONS },
      consistency: sequence === 'race' ? 'frozen' : 'running',
      imagesDirectory: imagesFolder(folder).checkpoint,
      status: await runtime.status(target.containerId),
      freezeMsMax: 60_000,
    };
  };

  const openWorld = async (sequence: DumpOrder['sequence']): Promise<BackendWorld> => {
    const { node, runtime } = rig.clients;
    // Its own, as what an earlier world has made stays there.
    const checkpointsDirectory = mkdtempSync(join(node.checkpointsDir, 'contract-'));
    const leftovers = createLeftoverImages({ ...rig.tools, remove: removeImages });
    const lease = patientLease(rig.lease);
    const made = { ...rig.tools, runtime, lease, checkpointsDirectory, leftovers };
    const watched = watchCalls(createContainerdBackend(made));
    return {
      backend: watched.backend,
      target,
      unknownTarget: { ...target, pod: 'nobody', containerId: 'f'.repeat(64) },
      checkpointsDirectory,
      order: (_, archivePath) => orderOf(sequence, archivePath),
      holdNext() {
        const isBegun = () => pidsOf('runc').length > 0 || watched.hasEnded();
        const begun = waitFor('runc to checkpoint', isBegun, { everyMs: 1 });
        return { begun: begun.then(() => undefined) };
      },
      pass: (ms) => systemClock.sleep(ms),
      async runsAgain(held) {
        const { containerId } = target;
        const asked = { containerId, cgroup, frozenBy: held?.frozenBy, frozenBefore: false };
        const { end } = await ensureThawed(rig.tools, { ...asked, mayFinishLater: true });
        if (end !== 'runs') throw new Error(`the container is left ${end}`);
      },
      async close() {
        leftovers.stop();
        rmSync(checkpointsDirectory, { recursive: true });
      },
    };
  };

  backendContract('containerd, calm', () => openWorld('calm'));
  backendContract('containerd, race by the freezer file', () => openWorld('race'));
});

/** In the 300 ms that the contract gives a call, nothing has begun there. */
function watchCalls(backend: Backend): { backend: Backend; hasEnded(): boolean } {
  let ended = false;
  return {
    backend: {
      ...backend,
      async checkpoint(request, signal) {
        try {
          const timeoutMs = request.timeoutMs * SLOWER;
          return await backend.checkpoint({ ...request, timeoutMs }, signal);
        } finally {
          ended = true;
        }
      },
    },
    hasEnded: () => ended,
  };
}
