import type { DiskSpace } from '../node/index.ts';

/** The file systems a checkpoint writes to: paths as the agent sees them. */
export interface DiskPlaces {
  checkpointsDirectory: string;
  /** Where the runtime keeps its content and its containers. */
  runtimeRoot?: string;
  /** Where containerd puts CRIU's images first: $XDG_RUNTIME_DIR or /tmp of its process. */
  runtimeTmp?: string;
}

type Place = keyof DiskPlaces;

/** Whose way of writing an archive is counted; one that is not known is counted like containerd. */
export type Engine = 'containerd' | 'cri-o';

/**
 * What lies on each place in each phase of a checkpoint, in multiples of the image bytes.
 * containerd first holds images in tmp and their copy in the content store (frozen), then content,
 * unpacked copy and archive (thawed). CRI-O holds images and archive.
 */
const PHASES: Record<Engine, readonly Partial<Record<Place, number>>[]> = {
  containerd: [
    { runtimeTmp: 1, runtimeRoot: 1 },
    { runtimeRoot: 2, checkpointsDirectory: 1 },
  ],
  'cri-o': [{ runtimeRoot: 1, checkpointsDirectory: 1 }],
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
  imageBytes: number,
  disks: Partial<Record<Place, DiskSpace>> & { checkpointsDirectory: DiskSpace },
): DiskNeed[] {
  const phases = PHASES[engine];
  const needs = new Map<number, DiskNeed>();
  for (const phase of phases) {
    const now = new Map<number, DiskNeed>();
    for (const [place, factor] of Object.entries(phase) as [Place, number][]) {
      const disk = disks[place] ?? disks.checkpointsDirectory;
      const before = now.get(disk.device)?.needBytes ?? 0;
      now.set(disk.device, { disk, needBytes: before + factor * imageBytes });
    }
    for (const [device, need] of now) {
      if ((needs.get(device)?.needBytes ?? -1) < need.needBytes) needs.set(device, need);
    }
  }
  return [...needs.values()];
}
