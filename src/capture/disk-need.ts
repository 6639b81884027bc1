import type { DiskSpace } from '../node/index.ts';
import type { FreezeBytes } from './freeze-model.ts';

/** The file systems a checkpoint writes to: paths as the agent sees them. */
export interface DiskPlaces {
  checkpointsDirectory: string;
  /** Where the runtime keeps its content and its containers. */
  runtimeRoot?: string;
  /** Where containerd puts CRIU's images first: $XDG_RUNTIME_DIR or /tmp of its process. */
  runtimeTmp?: string;
}

type Place = keyof DiskPlaces;

/**
 * Whose way of writing an archive is counted; a runtime that is not known is counted like
 * containerd. `dump`: CRIU's images in a folder of ours, `dump-in-memory`: on a tmpfs.
 */
export type Engine = 'containerd' | 'cri-o' | 'dump' | 'dump-in-memory';

/** Multiples of what a checkpoint is made of. */
interface Factors {
  images: number;
  layer: number;
}

const whole = (times: number): Factors => ({ images: times, layer: times });

/**
 * What lies on each place in each phase of a checkpoint. containerd first holds images in tmp and
 * their copy in the content store (frozen), then content, unpacked copy and archive (thawed). CRI-O
 * holds images and archive. A dump of ours holds the images; the layer comes out of the content
 * store and is copied beside them; then the archive is made of both.
 */
const PHASES: Record<Engine, readonly Partial<Record<Place, Factors>>[]> = {
  containerd: [
    { runtimeTmp: whole(1), runtimeRoot: whole(1) },
    { runtimeRoot: whole(2), checkpointsDirectory: whole(1) },
  ],
  'cri-o': [{ runtimeRoot: whole(1), checkpointsDirectory: whole(1) }],
  dump: [
    { checkpointsDirectory: whole(1), runtimeRoot: { images: 0, layer: 1 } },
    { checkpointsDirectory: whole(2) },
  ],
  'dump-in-memory': [
    { checkpointsDirectory: { images: 0, layer: 1 }, runtimeRoot: { images: 0, layer: 1 } },
    { checkpointsDirectory: { images: 1, layer: 2 } },
  ],
};

/** The peak on one file system. */
export interface DiskNeed {
  disk: DiskSpace;
  needBytes: number;
}

/**
 * The predicted peak on each file system involved. A place that is not known is counted to the
 * checkpoints directory's disk.
 */
export function diskNeeds(
  engine: Engine,
  { imageBytes, layerBytes }: FreezeBytes,
  disks: Partial<Record<Place, DiskSpace>> & { checkpointsDirectory: DiskSpace },
): DiskNeed[] {
  const phases = PHASES[engine];
  const needs = new Map<number, DiskNeed>();
  for (const phase of phases) {
    const now = new Map<number, DiskNeed>();
    for (const [place, times] of Object.entries(phase) as [Place, Factors][]) {
      const disk = disks[place] ?? disks.checkpointsDirectory;
      const bytes = times.images * imageBytes + times.layer * layerBytes;
      const before = now.get(disk.device)?.needBytes ?? 0;
      now.set(disk.device, { disk, needBytes: before + bytes });
    }
    for (const [device, need] of now) {
      if ((needs.get(device)?.needBytes ?? -1) < need.needBytes) needs.set(device, need);
    }
  }
  return [...needs.values()];
}
