import type { Path } from '../../lab/rig/capture-paths.ts';

/** Medians of one path for one load. */
export interface Medians {
  stopMs: number;
  wholeMs: number;
  peakBytes: number;
  /** Bytes of memory pages in its archive. */
  imageBytes: number;
}

export interface Verdict {
  aim: string;
  reached: boolean;
  /** The two figures, and what became of them. */
  detail: string;
}

/** The aims count for large containers only: below, what every checkpoint costs decides. */
export const AIM_MIB_MIN = 1_024;

const STOP_SHARE: Partial<Record<Path, number>> = {
  'containerd-calm': 1 / 5,
  'containerd-race': 1 / 4,
};
const WHOLE_SHARE = 1 / 2;
const DISK_FACTOR = 2.1;

/** Judges one path against the kubelet's, both of the same run and the same load. */
export function judgeAims(
  path: Path,
  load: string,
  ours: Medians,
  kubelet: Medians,
): readonly Verdict[] {
  const stopShare = STOP_SHARE[path];
  if (stopShare === undefined) return [];
  const { stopMs, wholeMs, peakBytes, imageBytes } = ours;
  const share = (what: string, its: number, other: number, allowed: number): Verdict => ({
    aim: `${path}, ${load}: ${what} at most ${allowed} of the kubelet's`,
    reached: its <= other * allowed,
    detail: `${its.toFixed(0)} ms against ${other.toFixed(0)} ms: ${(its / other).toFixed(3)}`,
  });
  const factor = peakBytes / imageBytes;
  return [
    share('stop', stopMs, kubelet.stopMs, stopShare),
    share('whole time', wholeMs, kubelet.wholeMs, WHOLE_SHARE),
    {
      aim: `${path}, ${load}: disk at most ${DISK_FACTOR} × the image bytes`,
      reached: factor <= DISK_FACTOR,
      detail: `${(peakBytes / 1e6).toFixed(0)} MB of ${(imageBytes / 1e6).toFixed(0)} MB: ${factor.toFixed(2)}`,
    },
  ];
}
