import { formatTime } from '../format-time.ts';
import type { Explained } from './explain.ts';

/** ` since 14:02:00Z`: from when on something would have been seen; empty before any signal. */
export function sinceText({ witness }: Pick<Explained, 'witness'>): string {
  const sinceMs = witness.sinceMs();
  return sinceMs === undefined ? '' : ` since ${formatTime(sinceMs)}`;
}
