import { exactInteger } from '../base/index.ts';

/** 64-bit fields, which the protocol gives as text. */
const INTEGERS: ReadonlySet<string> = new Set([
  'created_at',
  'started_at',
  'finished_at',
  'cpu_period',
  'cpu_quota',
  'cpu_shares',
  'memory_limit_in_bytes',
  'memory_swap_limit_in_bytes',
  'oom_score_adj',
  'limit',
  'uid',
  'gid',
  'supplemental_groups',
]);

/** Fields that are maps: their keys are the container's own, and Go sorts them. */
const MAPS: ReadonlySet<string> = new Set(['labels', 'annotations', 'unified']);

/**
 * CRI's ContainerStatus, as decoded without loss, in the form in which containerd writes it into
 * an archive: Go's encoding/json of the message. That is the proto names in the order of their
 * numbers, enums as numbers, whatever is zero or empty left out, and the keys of maps in order.
 */
export function statusJson(status: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(status)
      .map(([name, value]) => [name, fieldJson(name, value)] as const)
      .filter(([, value]) => value !== undefined),
  );
}

function fieldJson(name: string, value: unknown): unknown {
  if (MAPS.has(name)) return mapJson(value as Record<string, unknown>);
  if (Array.isArray(value)) {
    return value.length === 0 ? undefined : value.map((one) => elementJson(name, one));
  }
  return isZero(value) ? undefined : elementJson(name, value);
}

function elementJson(name: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null) return statusJson({ ...value });
  return INTEGERS.has(name) && typeof value === 'string' ? exactInteger(value) : value;
}

function mapJson(map: Record<string, unknown>): Record<string, unknown> | undefined {
  const entries = Object.entries(map).sort(([one], [other]) =>
    Buffer.compare(...bytes(one, other)),
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function bytes(one: string, other: string): [Buffer, Buffer] {
  return [Buffer.from(one), Buffer.from(other)];
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === '0' || value === false || value === null;
}
