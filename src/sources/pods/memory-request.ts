import { parseQuantityBytes } from '../../base/index.ts';
import { type ApiObject, objectAt, objectsAt, textAt } from '../api-object.ts';

/**
 * The memory that a pod asks for, as the kubelet works it out to rank pods for eviction
 * (k8s.io/component-helpers/resource PodRequests): what the pod itself says (KEP-2837), else its
 * containers and sidecars together, or an init container with the sidecars before it where that is
 * more; overhead comes on top of a request. Undefined = none.
 */
export function memoryRequestOf(spec: ApiObject | undefined): number | undefined {
  const ofContainers = containersRequest(spec);
  const requested = requestOf(spec) ?? ofContainers;
  if (requested === 0) return undefined;
  return requested + bytesAt(objectAt(spec, 'overhead'));
}

function containersRequest(spec: ApiObject | undefined): number {
  let running = 0;
  let starting = 0;
  for (const one of objectsAt(spec, 'initContainers')) {
    const bytes = requestOf(one) ?? 0;
    if (textAt(one, 'restartPolicy') === 'Always') running += bytes;
    else starting = Math.max(starting, running + bytes);
  }
  for (const one of objectsAt(spec, 'containers')) running += requestOf(one) ?? 0;
  return Math.max(running, starting);
}

function requestOf(holder: ApiObject | undefined): number | undefined {
  const requests = objectAt(objectAt(holder, 'resources'), 'requests');
  return requests?.memory === undefined ? undefined : bytesAt(requests);
}

/** The API writes quantities as text; a bare number is legal in a manifest. */
function bytesAt(quantities: ApiObject | undefined): number {
  const given = quantities?.memory;
  return typeof given === 'number'
    ? given
    : (parseQuantityBytes(textAt(quantities, 'memory') ?? '') ?? 0);
}
