import { writeFile } from 'node:fs/promises';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  status as Status,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';
import { assetPath } from '../../src/base/index.ts';

/** One container of the fake runtime; tests change its fields as they like. */
export interface FakeContainer {
  id: string;
  name: string;
  namespace: string;
  pod: string;
  podUid: string;
  attempt: number;
  state: 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED';
  startedAtMs: number;
  pid?: number;
  cgroupsPath?: string;
  memoryLimitBytes?: number;
  layerBytes?: number;
  /** containerd's own view. */
  task: 'CREATED' | 'RUNNING' | 'STOPPED' | 'PAUSED' | 'PAUSING';
}

export interface FakeCheckpoint {
  container: FakeContainer;
  location: string;
  timeoutSeconds: number;
  /** Whether the client sent a deadline: it never may. */
  hasDeadline: boolean;
  /** Aborted when the client cancels. */
  signal: AbortSignal;
}

/** A gRPC error as a runtime gives it. */
export class FakeRuntimeError extends Error {
  readonly code: number;
  readonly details: string;
  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

/** A container runtime in this process, on a real unix socket, over the real protocol. */
export interface FakeRuntime {
  readonly socket: string;
  name: string;
  version: string;
  readonly containers: Map<string, FakeContainer>;
  /** Every call that came in, by method name. */
  readonly calls: string[];
  /** What CheckpointContainer does; writes a small file by default. */
  onCheckpoint: (checkpoint: FakeCheckpoint) => Promise<void>;
  /** Called by Tasks.Resume before the task is set to RUNNING; may throw FakeRuntimeError. */
  onResume: (container: FakeContainer) => Promise<void>;
  /** Called before every other method answers; may throw or wait. */
  onCall: (method: string) => Promise<void>;
  /** Listens (again). */
  start(): Promise<void>;
  /** Drops all connections at once, like a killed process. */
  kill(): void;
}

export function createFakeRuntime(socket: string): FakeRuntime {
  let server: Server | undefined;
  const fake: FakeRuntime = {
    socket,
    name: 'containerd',
    version: 'v2.4.2',
    containers: new Map(),
    calls: [],
    onCheckpoint: ({ location }) => writeFile(location, 'archive', { flag: 'wx', mode: 0o600 }),
    onResume: () => Promise.resolve(),
    onCall: () => Promise.resolve(),
    async start() {
      server = await listen(fake);
    },
    kill() {
      server?.forceShutdown();
      server = undefined;
    },
  };
  return fake;
}

/** A running container with a made-up id; `name` also makes the id unique. */
export function fakeContainer(name: string, change: Partial<FakeContainer> = {}): FakeContainer {
  const hex = Buffer.from(name.padEnd(32, '.')).toString('hex').slice(0, 64);
  return {
    id: hex,
    name,
    namespace: 'shop',
    pod: 'cart-7d9f',
    podUid: '6f1c3c9e-0000-4000-8000-000000000001',
    attempt: 0,
    state: 'CONTAINER_RUNNING',
    startedAtMs: Date.UTC(2026, 0, 1),
    task: 'RUNNING',
    ...change,
  };
}

type Request = Record<string, string | number | boolean>;
type Handler = (
  request: Request,
  call: ServerUnaryCall<Request, object>,
) => object | Promise<object>;

async function listen(fake: FakeRuntime): Promise<Server> {
  const definition = await load(
    ['cri', 'tasks', 'snapshots', 'diff', 'content', 'leases'].map((name) =>
      name === 'cri' ? 'cri.proto' : `containerd-${name}.proto`,
    ),
    {
      ...{ keepCase: true, longs: Number, enums: String, defaults: true },
      includeDirs: [assetPath('proto')],
    },
  );
  const server = new Server();
  for (const [service, handlers] of Object.entries(services(fake))) {
    const implementation: UntypedServiceImplementation = {};
    for (const [method, handler] of Object.entries(handlers)) {
      implementation[method] = unary(fake, method, handler);
    }
    server.addService(definition[service] as unknown as ServiceDefinition, implementation);
  }
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${fake.socket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  return server;
}

function unary(fake: FakeRuntime, method: string, handler: Handler) {
  return (call: ServerUnaryCall<Request, object>, reply: sendUnaryData<object>) => {
    fake.calls.push(method);
    fake
      .onCall(method)
      .then(() => handler(call.request, call))
      .then(
        (answer) => reply(null, answer),
        (error: Error & { code?: number; details?: string }) =>
          reply({ code: error.code ?? Status.UNKNOWN, details: error.details ?? error.message }),
      );
  };
}

function services(fake: FakeRuntime): Record<string, Record<string, Handler>> {
  return {
    'runtime.v1.RuntimeService': criHandlers(fake),
    'containerd.services.tasks.v1.Tasks': taskHandlers(fake),
  };
}

function criHandlers(fake: FakeRuntime): Record<string, Handler> {
  return {
    Version: () => ({
      version: '0.1.0',
      runtime_name: fake.name,
      runtime_version: fake.version,
      runtime_api_version: 'v1',
    }),
    ListContainers: () => ({ containers: [...fake.containers.values()].map(toWire) }),
    ContainerStatus: ({ container_id }) => {
      const container = find(fake, container_id);
      return { status: toWire(container), info: { info: verboseInfo(container) } };
    },
    ContainerStats: ({ container_id }) => {
      const { layerBytes } = find(fake, container_id);
      const used_bytes = layerBytes === undefined ? null : { value: layerBytes };
      return { stats: { writable_layer: { timestamp: 1, used_bytes } } };
    },
    CheckpointContainer: async (request, call) => {
      const cancelled = new AbortController();
      call.on('cancelled', () => cancelled.abort());
      await fake.onCheckpoint({
        container: find(fake, request.container_id),
        location: String(request.location),
        timeoutSeconds: Number(request.timeout),
        hasDeadline: call.getDeadline() !== Number.POSITIVE_INFINITY,
        signal: cancelled.signal,
      });
      return {};
    },
  };
}

function taskHandlers(fake: FakeRuntime): Record<string, Handler> {
  const requireNamespace = (metadata: Metadata) => {
    if (metadata.get('containerd-namespace')[0] === 'k8s.io') return;
    throw new FakeRuntimeError(Status.FAILED_PRECONDITION, 'namespace is required');
  };
  return {
    Get: ({ container_id }, call) => {
      requireNamespace(call.metadata);
      const { id, pid, task } = find(fake, container_id);
      return { process: { container_id: id, id, pid, status: task } };
    },
    Resume: async ({ container_id }, call) => {
      requireNamespace(call.metadata);
      const container = find(fake, container_id);
      await fake.onResume(container);
      if (container.task !== 'PAUSED') {
        throw new FakeRuntimeError(Status.UNKNOWN, 'cannot resume a running process');
      }
      container.task = 'RUNNING';
      return {};
    },
  };
}

function find(fake: FakeRuntime, id: unknown): FakeContainer {
  const container = fake.containers.get(String(id));
  if (container) return container;
  throw new FakeRuntimeError(
    Status.NOT_FOUND,
    `an error occurred when trying to find container "${String(id)}": not found`,
  );
}

function toWire(container: FakeContainer): object {
  return {
    id: container.id,
    metadata: { name: container.name, attempt: container.attempt },
    state: container.state,
    created_at: container.startedAtMs * 1e6,
    started_at: container.startedAtMs * 1e6,
    image: { image: 'registry.test/app:1' },
    image_ref: 'sha256:00',
    log_path: `/var/log/pods/${container.pod}/0.log`,
    labels: {
      'io.kubernetes.container.name': container.name,
      'io.kubernetes.pod.name': container.pod,
      'io.kubernetes.pod.namespace': container.namespace,
      'io.kubernetes.pod.uid': container.podUid,
    },
    resources: { linux: { memory_limit_in_bytes: container.memoryLimitBytes ?? 0 } },
  };
}

function verboseInfo(container: FakeContainer): string {
  const { pid, cgroupsPath } = container;
  return JSON.stringify({ pid, runtimeSpec: { linux: { cgroupsPath } } });
}
