import type { AlertTargetHints } from '../../signal/index.ts';
import { withoutUndefined } from './parse.ts';
import { containerIdOf, nameOf } from './values.ts';

/** One path in a payload, or several of which the first that leads to a value counts. */
export type FieldPath = string | readonly string[];

/** Where payloads of one sender say what Stillpoint wants to know. */
export interface FieldMap {
  containerId?: FieldPath;
  podUid?: FieldPath;
  namespace?: FieldPath;
  pod?: FieldPath;
  container?: FieldPath;
  node?: FieldPath;
  id?: FieldPath;
  severity?: FieldPath;
  title?: FieldPath;
  time?: FieldPath;
}

/** What a payload says of its target, by a map. */
export function hintsByMap(payload: unknown, map: FieldMap): AlertTargetHints {
  return withoutUndefined({
    containerIdPrefix: firstAt(payload, map.containerId, containerIdOf),
    podUid: firstAt(payload, map.podUid, nameOf),
    namespace: firstAt(payload, map.namespace, nameOf),
    pod: firstAt(payload, map.pod, nameOf),
    container: firstAt(payload, map.container, nameOf),
    node: firstAt(payload, map.node, nameOf),
  });
}

/** The first value at one of the paths that `read` makes something of. */
export function firstAt<T>(
  payload: unknown,
  paths: FieldPath | undefined,
  read: (value: unknown) => T | undefined,
): T | undefined {
  for (const path of paths === undefined ? [] : [paths].flat()) {
    const found = read(valueAt(payload, path));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A scalar as it is. */
export function scalarOf(value: unknown): string | number | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}

/**
 * The value at a path of keys joined by dots. Keys may have dots of their own
 * (`output_fields.container.id`), so each way to cut the path is tried, the shortest key first.
 */
export function valueAt(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const own = (key: string) =>
    Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const found = valueAt(own(path.slice(0, dot)), path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return own(path);
}
