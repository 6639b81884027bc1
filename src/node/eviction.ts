import { parsePercent, parseQuantityBytes, StillpointError } from '../base/index.ts';
import type { DiskSpace } from './cgroup-types.ts';

/** A threshold of the kubelet's evictionHard: a share of the capacity, or bytes. */
export type EvictionThreshold =
  | { kind: 'share'; share: number }
  | { kind: 'bytes'; bytes: number }
  /** "0%" and "100%" switch a threshold off, as in the kubelet. */
  | { kind: 'off' };

/** The signals of evictionHard that speak of a disk which a checkpoint may fill. */
const DISK_SIGNALS = ['nodefs.available', 'imagefs.available', 'containerfs.available'] as const;

/** What the kubelet uses when evictionHard is not set at all (defaults_linux.go). */
const KUBELET_DEFAULT: Readonly<Record<string, string>> = {
  'nodefs.available': '10%',
  'imagefs.available': '15%',
};

/** "10%" or a Kubernetes quantity such as "1Gi" or "5e9"; undefined for anything else. */
export function parseEvictionThreshold(text: string): EvictionThreshold | undefined {
  if (text.endsWith('%')) {
    const share = parsePercent(text);
    if (share === undefined) return undefined;
    return share === 0 || share === 1 ? { kind: 'off' } : { kind: 'share', share };
  }
  const bytes = parseQuantityBytes(text);
  return bytes === undefined ? undefined : { kind: 'bytes', bytes };
}

/**
 * The free bytes below which the kubelet would begin to evict, were `disk` its nodefs or its
 * imagefs: the larger of the thresholds, since one disk is often both. `evictionHard` is the map
 * of the kubelet's configuration; undefined = not set, so the kubelet's defaults. A signal that is
 * absent from a given map has no threshold. Throws `bad-input` for one that cannot be read.
 */
export function evictionFloorBytes(
  evictionHard: Readonly<Record<string, string>> | undefined,
  disk: Pick<DiskSpace, 'totalBytes'>,
): number {
  const given = evictionHard ?? KUBELET_DEFAULT;
  let floor = 0;
  for (const signal of DISK_SIGNALS) {
    const text = given[signal];
    if (text === undefined) continue;
    floor = Math.max(floor, thresholdBytes(signal, text, disk.totalBytes));
  }
  return floor;
}

/** What the kubelet uses when evictionHard is not set at all. */
const MEMORY_DEFAULT = '100Mi';

/**
 * The memory below which the kubelet would begin to evict; `evictionHard` as in evictionFloorBytes.
 * Throws `bad-input` for a threshold that cannot be read.
 */
export function memoryFloorBytes(
  evictionHard: Readonly<Record<string, string>> | undefined,
  capacityBytes: number,
): number {
  const text = evictionHard ? evictionHard['memory.available'] : MEMORY_DEFAULT;
  return text === undefined ? 0 : thresholdBytes('memory.available', text, capacityBytes);
}

function thresholdBytes(signal: string, text: string, totalBytes: number): number {
  const threshold = parseEvictionThreshold(text);
  if (threshold === undefined) {
    throw new StillpointError({
      code: 'bad-input',
      message: `evictionHard ${signal}: "${text.slice(0, 64)}" is neither a percentage nor a quantity`,
      hint: 'Give it as the kubelet does: "10%" or "1Gi".',
    });
  }
  if (threshold.kind === 'off') return 0;
  return threshold.kind === 'share' ? Math.ceil(totalBytes * threshold.share) : threshold.bytes;
}
