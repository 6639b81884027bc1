import { parseQuantityBytes } from '../../base/index.ts';
import {
  type ContainerEnd,
  type ContainerFact,
  type ContainerState,
  type ContainerType,
  type ProbeFact,
  parseContainerId,
} from '../../signal/index.ts';
import { type ApiObject, numberAt, objectAt, objectsAt, textAt, timeAt } from '../api-object.ts';
import { isLabelName } from './api-names.ts';

/** Status and termination texts are for people: more than this helps nobody. */
const TEXT_MAX = 1_024;

/** All containers of a pod with what its status tells of them, in the order of the spec. */
export function containerFactsFromApi(
  spec: ApiObject | undefined,
  status: ApiObject | undefined,
): ContainerFact[] {
  const lists = [
    ['containers', 'containerStatuses', 'app'],
    ['initContainers', 'initContainerStatuses', 'init'],
    ['ephemeralContainers', 'ephemeralContainerStatuses', 'ephemeral'],
  ] as const;
  const facts: ContainerFact[] = [];
  for (const [specKey, statusKey, type] of lists) {
    const statuses = new Map(objectsAt(status, statusKey).map((one) => [textAt(one, 'name'), one]));
    for (const container of objectsAt(spec, specKey)) {
      const name = textAt(container, 'name');
      if (isLabelName(name)) facts.push(containerFact(name, type, container, statuses.get(name)));
    }
  }
  return facts;
}

function containerFact(
  name: string,
  listType: ContainerType,
  container: ApiObject,
  status: ApiObject | undefined,
): ContainerFact {
  const isSidecar = listType === 'init' && textAt(container, 'restartPolicy') === 'Always';
  const lastEnd = objectAt(objectAt(status, 'lastState'), 'terminated');
  return {
    name,
    type: isSidecar ? 'sidecar' : listType,
    image: textAt(container, 'image') ?? '',
    imageId: textAt(status, 'imageID') ?? '',
    containerId: parseContainerId(textAt(status, 'containerID')),
    state: containerState(objectAt(status, 'state')),
    restartCount: numberAt(status, 'restartCount') ?? 0,
    lastEnd: lastEnd && containerEnd(lastEnd),
    // A resize in place shows in the status first when it is real (KEP-1287).
    memoryLimitBytes: memoryLimitOf(status) ?? memoryLimitOf(container),
    probes: probesOf(container),
  };
}

function containerState(state: ApiObject | undefined): ContainerState {
  const running = objectAt(state, 'running');
  if (running) return { kind: 'running', startedAtMs: timeAt(running, 'startedAt') ?? 0 };
  const terminated = objectAt(state, 'terminated');
  if (terminated) return { kind: 'terminated', end: containerEnd(terminated) };
  // The API's own default: a container of which nothing is said waits.
  const waiting = objectAt(state, 'waiting');
  return {
    kind: 'waiting',
    reason: textAt(waiting, 'reason') ?? '',
    message: (textAt(waiting, 'message') ?? '').slice(0, TEXT_MAX),
  };
}

function containerEnd(terminated: ApiObject): ContainerEnd {
  return {
    reason: textAt(terminated, 'reason') ?? '',
    exitCode: numberAt(terminated, 'exitCode') ?? 0,
    signal: numberAt(terminated, 'signal') || undefined,
    finishedAtMs: timeAt(terminated, 'finishedAt') ?? 0,
    containerId: parseContainerId(textAt(terminated, 'containerID')),
  };
}

function memoryLimitOf(holder: ApiObject | undefined): number | undefined {
  const limits = objectAt(objectAt(holder, 'resources'), 'limits');
  const limit = limits?.memory;
  // The API writes quantities as text; a bare number is legal in a manifest.
  const bytes =
    typeof limit === 'number' ? limit : parseQuantityBytes(textAt(limits, 'memory') ?? '');
  return bytes !== undefined && bytes > 0 ? bytes : undefined;
}

function probesOf(container: ApiObject): ProbeFact[] {
  const probes: ProbeFact[] = [];
  for (const type of ['liveness', 'readiness', 'startup'] as const) {
    const probe = objectAt(container, `${type}Probe`);
    const handler = probe && handlerOf(probe);
    if (!handler) continue;
    probes.push({
      type,
      handler,
      periodMs: positive(numberAt(probe, 'periodSeconds'), 10) * 1_000,
      timeoutMs: positive(numberAt(probe, 'timeoutSeconds'), 1) * 1_000,
      failureThreshold: positive(numberAt(probe, 'failureThreshold'), 3),
    });
  }
  return probes;
}

function handlerOf(probe: ApiObject): ProbeFact['handler'] | undefined {
  const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'] as const;
  return handlers.find((handler) => objectAt(probe, handler) !== undefined);
}

/** Zero and absent both mean the default (k8s.io/api/core/v1 Probe). */
function positive(given: number | undefined, otherwise: number): number {
  return given !== undefined && given > 0 ? given : otherwise;
}
