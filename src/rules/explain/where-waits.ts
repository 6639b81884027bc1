import type { Signal } from '../../signal/index.ts';
import { formatTime } from '../format-time.ts';
import { part } from '../trail.ts';
import type { Explained } from './explain.ts';
import { type Case, type Waits, waits } from './say.ts';

/**
 * An expression that looks at the signal, asked about the last one; without one about what the
 * condition tells of how it is now.
 */
export function whereWaits(
  { core, nowMs }: Explained,
  { rule, entry, container, told }: Case,
  signal?: Signal,
): Waits | undefined {
  const { where } = rule;
  if (!where) return undefined;
  const { nodeName } = core.options;
  const wake = { kind: 'wake', occurredMs: nowMs, seenMs: nowMs } as const;
  const context = { signal: signal ?? wake, pod: entry.fact, container, nodeName, told };
  const result = where.evaluate(context);
  if (result.holds === true) return undefined;
  const isError = result.holds === 'error';
  const saw = isError ? result.why : (result.absent ?? 'false');
  const about = signal ? `of the last signal, at ${formatTime(signal.seenMs)}` : 'as it is now';
  return waits(isError ? 'where-error' : 'where-false', `${about}: ${saw}`, [
    part('where', false, saw, where.text),
  ]);
}
