import { type Clock, type Logger, StillpointError } from '../base/index.ts';
import { type Connection, createConnection } from './connection.ts';
import { type ContainerdCall, containerdNamespace, createContainerdClient } from './containerd.ts';
import {
  containerFromWire,
  settingsFromWire,
  statusFromWire,
  taskStateFromWire,
  versionFromWire,
} from './from-wire.ts';
import type { RuntimeClient, RuntimeVersion } from './runtime-client.ts';
import type {
  WireContainer,
  WireRuntimeStatusResponse,
  WireStatsResponse,
  WireStatusResponse,
  WireTaskResponse,
  WireVersionResponse,
} from './wire.ts';

export interface RuntimeClientOptions {
  /** Absolute path, `/run/containerd/containerd.sock`. */
  socket: string;
  clock: Clock;
  log: Logger;
}

/** How long a question may take. A runtime under load answers in tens of ms, not in seconds. */
const QUESTION_MS_MAX = 10_000;

/**
 * How long one Resume may take. While CRIU works it waits in the shim until CRIU is done, and the
 * caller asks again in any case, so that giving one call up harms nothing.
 */
const RESUME_MS_MAX = 60_000;

const CRI = 'runtime.v1.RuntimeService';
const TASKS = 'containerd.services.tasks.v1.Tasks';

/** Makes the client; opens nothing until the first call. Errors: `bad-config` for the path. */
export function createRuntimeClient(options: RuntimeClientOptions): RuntimeClient {
  const { socket, clock, log } = options;
  const connection = createConnection({ socket, clock });
  let known: RuntimeVersion | undefined;

  const version = async () => {
    const answer = await ask<WireVersionResponse>(connection, 'Version', { version: 'v1' });
    const seen = versionFromWire(answer);
    if (known?.name !== seen.name || known.version !== seen.version) {
      log.info('runtime-seen', { socket, name: seen.name, version: seen.version });
    }
    known = seen;
    return seen;
  };
  const call: ContainerdCall = async (given) => {
    const { name } = known ?? (await version());
    if (name === 'containerd') {
      return connection.unary({
        ...given,
        metadata: { ...containerdNamespace, ...given.metadata },
      });
    }
    throw new StillpointError({
      code: 'unsupported',
      message: `${given.method}: the runtime on ${socket} is ${name}, not containerd`,
    });
  };
  return {
    version,
    settings: async () =>
      settingsFromWire(
        await ask<WireRuntimeStatusResponse>(connection, 'Status', { verbose: true }),
      ),
    async listRunning() {
      const filter = { state: { state: 'CONTAINER_RUNNING' } };
      const answer = await ask<{ containers: WireContainer[] }>(connection, 'ListContainers', {
        filter,
      });
      return answer.containers
        .filter((container) => container.state === 'CONTAINER_RUNNING')
        .map(containerFromWire);
    },
    async status(containerId) {
      const { answer, exact } = await connection.unaryExact<WireStatusResponse>({
        service: CRI,
        method: 'ContainerStatus',
        request: { container_id: containerId, verbose: true },
        deadlineMs: QUESTION_MS_MAX,
      });
      return statusFromWire(answer, containerId, exact);
    },
    async writableLayerBytes(containerId) {
      const request = { container_id: containerId };
      const answer = await ask<WireStatsResponse>(connection, 'ContainerStats', request);
      return answer.stats?.writable_layer?.used_bytes?.value;
    },
    checkpoint: ({ containerId, location, timeoutMs }, signal) =>
      connection.unary<void>({
        service: CRI,
        method: 'CheckpointContainer',
        request: { container_id: containerId, location, timeout: Math.ceil(timeoutMs / 1_000) },
        signal,
      }),
    ...taskCalls(call),
    containerd: createContainerdClient(call, connection, clock),
    close: () => connection.close(),
  };
}

/** The native task calls that see and cure a paused container. */
function taskCalls(call: ContainerdCall): Pick<RuntimeClient, 'taskState' | 'resumeTask'> {
  const task = <Response>(method: string, containerId: string, deadlineMs: number) =>
    call<Response>({ service: TASKS, method, request: { container_id: containerId }, deadlineMs });
  return {
    taskState: async (containerId) =>
      taskStateFromWire(await task<WireTaskResponse>('Get', containerId, QUESTION_MS_MAX)),
    async resumeTask(containerId) {
      await task('Resume', containerId, RESUME_MS_MAX);
    },
  };
}

function ask<Response>(connection: Connection, method: string, request: object): Promise<Response> {
  return connection.unary<Response>({ service: CRI, method, request, deadlineMs: QUESTION_MS_MAX });
}
