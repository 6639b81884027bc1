import type { KubeObject, ObjectStore } from './store.ts';

/** What a write of an Event comes to. */
export type WriteReply =
  | { status: 200 | 201; object: KubeObject }
  | { status: 404 | 409 | 422; message: string };

/** POST of an Event: what a real server checks of it, then stored. */
export function createEvent(store: ObjectStore, namespace: string, body: KubeObject): WriteReply {
  const involved = body.involvedObject as { namespace?: string } | undefined;
  const generated = body.metadata?.generateName;
  const name = body.metadata?.name ?? (typeof generated === 'string' ? generated : undefined);
  if (body.kind !== 'Event' || name === undefined) {
    return { status: 422, message: 'Event is invalid: metadata.name: Required value' };
  }
  if (!involved) {
    return { status: 422, message: `Event "${name}" is invalid: involvedObject: Required value` };
  }
  if ((involved.namespace ?? 'default') !== namespace) {
    const message = `Event "${name}" is invalid: involvedObject.namespace: does not match event.namespace`;
    return { status: 422, message };
  }
  const full = body.metadata.name ?? `${name}${store.version.toString(36)}`;
  if (store.get('events', namespace, full)) {
    return { status: 409, message: `events "${full}" already exists` };
  }
  const metadata = { ...body.metadata, name: full, namespace };
  return { status: 201, object: store.put('events', { ...body, metadata }) };
}

/** PATCH of an Event by a merge patch; a strategic one is the same for the fields of an Event. */
export function patchEvent(
  store: ObjectStore,
  namespace: string,
  name: string,
  patch: Record<string, unknown>,
): WriteReply {
  const before = store.get('events', namespace, name);
  if (!before) return { status: 404, message: `events "${name}" not found` };
  return { status: 200, object: store.put('events', merge(before, patch) as KubeObject) };
}

/** RFC 7386: objects merge, null removes, all else replaces. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
