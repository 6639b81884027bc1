import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeImages } from '../../src/archive/index.ts';
import {
  type CheckpointReply,
  createContainerdBackend,
  createLeftoverImages,
  type DumpOrder,
  imagesFolder,
  imagesFolderOf,
  type LeftoverImages,
} from '../../src/capture/index.ts';
import type { GuardLease } from '../../src/lease/index.ts';
import { targetOf } from './decisions.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createFakeContainerState, type FakeContainerState } from './fake-container-state.ts';
import { createRecordingLog, type LogLine } from './recording-log.ts';

/** The containerd backend over one made-up container, on a clock that the test moves. */
export interface DumpRig {
  readonly clock: FakeClock;
  readonly container: FakeContainerState;
  /** Resolves with the next line of that event. */
  heard(event: string): Promise<LogLine>;
  readonly leftovers: LeftoverImages;
  /** The folder that the dump works in. */
  readonly folder: string;
  /** What the guard answers, see GuardLease; null: there is none. */
  protect: GuardLease['protect'] | null;
  /** containerd's root as the agent sees it; absent: it does not. */
  contentRoot?: string;
  /** The guard says that it may have thawed the container. */
  lapsed: boolean;
  /** Writes what CRIU writes: images, dump.log, and stats-dump where it ended well. */
  writeImages(log?: string): void;
  dump(change?: Partial<DumpOrder>, signal?: AbortSignal): Promise<CheckpointReply>;
}

const OPTIONS = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
const ARCHIVE = 'checkpoint-cart-a_shop-app-2026-01-01T00:00:00.000Z.tar';

export function createDumpRig(checkpointsDirectory: string): DumpRig {
  const clock = createFakeClock();
  const container = createFakeContainerState();
  const ears = new Map<string, (line: LogLine) => void>();
  const { log } = createRecordingLog((line) => ears.get(line.event)?.(line));
  const { runtime, node, acts } = container;
  const leftovers = createLeftoverImages({ clock, log, remove: removeImages });
  const archivePath = join(checkpointsDirectory, ARCHIVE);
  const folder = imagesFolderOf(checkpointsDirectory, archivePath);
  const paths = imagesFolder(folder);
  const rig: DumpRig = {
    ...{ clock, container, leftovers, folder, lapsed: false },
    heard: (event) => new Promise((resolve) => ears.set(event, resolve)),
    async protect({ via }) {
      acts.push(`protected ${via}`);
      return { lapsed: () => rig.lapsed, release: () => void acts.push('protection released') };
    },
    writeImages(logText = '(00.2) Dumping finished successfully') {
      writeFileSync(join(paths.checkpoint, 'pages-1.img'), 'pages');
      writeFileSync(join(paths.work, 'dump.log'), logText);
    },
    async dump(change = {}, signal = new AbortController().signal) {
      const { protect, contentRoot } = rig;
      const backend = createContainerdBackend({
        ...{ runtime, node, clock, log, checkpointsDirectory, leftovers, contentRoot },
        lease: protect ? { protect } : undefined,
      });
      const status = await runtime.status('a');
      const target = targetOf('a');
      const dump: DumpOrder = {
        ...{ sequence: 'calm', sequenceReason: 'the test', consistency: 'running' },
        ...{ options: OPTIONS, imagesDirectory: paths.checkpoint, status },
        ...{ cgroup: container.cgroup, freezeMsMax: 10_000 },
        ...change,
      };
      return backend.checkpoint({ target, archivePath, timeoutMs: 60_000, dump }, signal);
    },
  };
  return rig;
}
