import { formatBytes, formatDuration, isStillpointError } from '../../base/index.ts';

/** What becomes of images whose archive finds no room. */
export type FullDiskDecision =
  | { kind: 'wait' }
  | { kind: 'give-up'; reason: 'under-eviction-floor' | 'waited-long'; detail: string };

/** Room that did not come in that time comes by someone's hand, and that takes longer still. */
export const FULL_DISK_MS_MAX = 600_000;

/**
 * Images are kept and tried again while their archive finds no room, but a full disk is harm: below
 * the kubelet's hard threshold it evicts pods of the node, and what the images hold is a part of
 * the reason. They are given up at once then, and after ten minutes in any case. Undefined: the
 * error does not say that the disk is full. Pure.
 */
export function judgeFullDisk(error: unknown, waitedMs: number): FullDiskDecision | undefined {
  if (!isStillpointError(error, 'disk-low')) return undefined;
  const { freeBytes, spareBytes } = error.details;
  if (typeof freeBytes === 'number' && typeof spareBytes === 'number' && freeBytes < spareBytes) {
    const detail =
      `${formatBytes(freeBytes)} were free, less than the ${formatBytes(spareBytes)} ` +
      `below which the kubelet evicts pods`;
    return { kind: 'give-up', reason: 'under-eviction-floor', detail };
  }
  if (waitedMs < FULL_DISK_MS_MAX) return { kind: 'wait' };
  const detail = `the disk had no room for the archive for ${formatDuration(waitedMs)}`;
  return { kind: 'give-up', reason: 'waited-long', detail };
}
