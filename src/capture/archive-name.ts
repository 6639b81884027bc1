import type { Target } from '../signal/index.ts';

/** NAME_MAX of every Linux file system that a kubelet runs on. */
export const NAME_BYTES_MAX = 255;

/** `checkpoint-<pod>_<namespace>-<container>-`, as the kubelet begins its names. */
export function archivePrefix(target: Target): string {
  return `checkpoint-${target.pod}_${target.namespace}-${target.container}-`;
}

/**
 * The kubelet's naming with fractions of a second: tools that know the kubelet's names find it,
 * and it cannot collide with one of the kubelet's, whose seconds are whole.
 */
export function archiveName(target: Target, wallMs: number): string {
  return `${archivePrefix(target)}${new Date(wallMs).toISOString()}.tar`;
}

/** The longest name the kubelet may choose: its local time zone may be written as `+01:00`. */
export function kubeletNameBytes(target: Target): number {
  return Buffer.byteLength(`${archivePrefix(target)}2026-01-01T00:00:00+01:00.tar`);
}

/** RFC 3339 after the prefix, `.tar` at the end; fractions are ours, whole seconds the kubelet's. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))\.tar$/;

/**
 * When an archive of that name was begun, wall clock ms; undefined when the name is not one of
 * this target. A name alone does not prove whose archive it is: `a-b`/`c` and `a`/`b-c` give one.
 */
export function beginOfName(target: Target, name: string): number | undefined {
  const prefix = archivePrefix(target);
  if (!name.startsWith(prefix)) return undefined;
  const time = TIME.exec(name.slice(prefix.length))?.[1];
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}
