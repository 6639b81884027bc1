import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeImages } from '../../src/archive/index.ts';
import { createRandom, silentLogger } from '../../src/base/index.ts';
import {
  createContainerdBackend,
  createLeftoverImages,
  type DumpOrder,
  ensureThawed,
  imagesFolder,
  imagesFolderOf,
} from '../../src/capture/index.ts';
import { createRuntimeClient } from '../../src/cri/index.ts';
import { createNodeProbe } from '../../src/node/index.ts';
import { createSim } from '../../src/sim/index.ts';
import { createDrivenClock } from '../agent/support/driven-clock.ts';
import { type BackendWorld, backendContract } from './backend-contract.ts';

const APP = { namespace: 'shop', pod: 'cart', container: 'app' };
const OPTIONS = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };

/** A guard that is always there. What the real one does is its own tests' matter. */
const lease = { protect: async () => ({ lapsed: () => false, release: () => undefined }) };

async function openSim(sequence: DumpOrder['sequence'], cgroupVersion: 1 | 2) {
  const dir = mkdtempSync(join(tmpdir(), 'stillpoint-contract-'));
  const clock = createDrivenClock();
  const sim = createSim({ dir, clock, random: createRandom(3), cgroupVersion });
  await sim.start();
  const { uid } = sim.scenario.addPod({
    namespace: APP.namespace,
    name: APP.pod,
    containers: [{ name: APP.container }],
  });
  const { checkpointsDir, criSocketPath: socket, cgroupRoot, procRoot } = sim.info;
  const log = silentLogger;
  const runtime = createRuntimeClient({ socket, clock, log });
  const node = createNodeProbe({ root: cgroupRoot, procRoot });
  const { containerId, pid } = sim.scenario.running(APP).life;
  const cgroup = node.cgroups.locate({ pid });
  const leftovers = createLeftoverImages({ clock, log, remove: removeImages });
  const tools = { runtime, node, clock, log, lease, leftovers };
  const order = async (archivePath: string): Promise<DumpOrder> => ({
    ...{ sequence, cgroup, options: OPTIONS, sequenceReason: 'the contract', freezeMsMax: 60_000 },
    consistency: sequence === 'race' ? 'frozen' : 'running',
    imagesDirectory: imagesFolder(imagesFolderOf(checkpointsDir, archivePath)).checkpoint,
    status: await runtime.status(containerId),
  });
  const close = async () => {
    leftovers.stop();
    runtime.close();
    await sim.stop();
    await clock.halt();
    rmSync(dir, { recursive: true });
  };
  const target = { ...APP, podUid: uid, containerId };
  return { sim, clock, tools, cgroup, order, close, target, checkpointsDir };
}

function openWorld(sequence: DumpOrder['sequence'], cgroupVersion: 1 | 2) {
  return async (): Promise<BackendWorld> => {
    const opened = await openSim(sequence, cgroupVersion);
    const { sim, clock, tools, cgroup, order, close, target, checkpointsDir } = opened;
    return {
      backend: createContainerdBackend({ ...tools, checkpointsDirectory: checkpointsDir }),
      target,
      unknownTarget: { ...target, pod: 'nobody', containerId: 'f'.repeat(64) },
      checkpointsDirectory: checkpointsDir,
      order: (_, archivePath) => order(archivePath),
      holdNext() {
        sim.faults.set({ kind: 'hang' }, { times: 1 });
        // Until the call is there only sockets and disks need time, which the backend's limits and
        // a clock that runs ahead of a busy machine would not leave them.
        clock.pace(0.2);
        const received = sim.happenings.next('checkpoint-received');
        return { begun: received.then(() => clock.pace(20)) };
      },
      pass: (ms) => clock.sleep(ms),
      async runsAgain(held) {
        const { containerId } = target;
        const frozenBy = held?.frozenBy;
        const asked = { containerId, cgroup, frozenBy, frozenBefore: false, mayFinishLater: true };
        const { end } = await ensureThawed(tools, asked);
        const { cgroupFrozen, shimPaused, traced } = sim.scenario.running(APP).life;
        if (end === 'runs' && !cgroupFrozen && !shimPaused && !traced) return;
        throw new Error(
          `it does not run: ${JSON.stringify({ end, cgroupFrozen, shimPaused, traced })}`,
        );
      },
      close,
    };
  };
}

backendContract('containerd, calm', openWorld('calm', 2));
backendContract('containerd, race by the freezer file', openWorld('race', 2));
backendContract('containerd, race by Tasks.Pause', openWorld('race', 1));
