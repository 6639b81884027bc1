import { rmSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { assetPath, type Cancel, systemClock } from '../../base/index.ts';
import type { CgroupTree } from '../cgroups/index.ts';
import type { GrpcCodeName } from '../faults.ts';
import type { Happenings } from '../happenings.ts';
import { type NodeModel, ociSpec, type PodLogs } from '../model/index.ts';
import type { CheckpointRunner } from './checkpoint-runner.ts';
import { criContainer, criStatus, type Incarnation, incarnationsOf } from './cri-messages.ts';

export interface CriServerParts {
  socketPath: string;
  model: NodeModel;
  cgroups: CgroupTree;
  logs: PodLogs;
  runner: CheckpointRunner;
  happenings: Happenings;
  cgroupDriver: 'cgroupfs' | 'systemd';
  containerdRoot: string;
}

/** runtime.v1.ContainerEventType. */
const EVENT = { created: 0, started: 1, stopped: 2 } as const;
/** containerd.services.tasks.v1.Status. */
const TASK = { running: 2, stopped: 3, paused: 4 } as const;

type Unary = grpc.handleUnaryCall<Record<string, unknown>, unknown>;
type EventStream = grpc.ServerWritableStream<unknown, unknown>;

/** A container runtime's socket: CRI v1 and the two native task calls of containerd. */
export class CriServer {
  readonly #parts: CriServerParts;
  readonly #streams = new Set<EventStream>();
  #server: grpc.Server | undefined;
  #stopListening: Cancel[] = [];

  constructor(parts: CriServerParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    if (this.#server) return;
    rmSync(this.#parts.socketPath, { force: true });
    const server = new grpc.Server({ 'grpc.max_receive_message_length': 16 * 1024 * 1024 });
    server.addService(service('proto/cri.proto', 'runtime.v1.RuntimeService'), this.#runtime());
    const tasks = 'containerd.services.tasks.v1.Tasks';
    server.addService(service('proto/containerd-tasks.proto', tasks), this.#tasks());
    await new Promise<void>((resolve, reject) => {
      const address = `unix:${this.#parts.socketPath}`;
      const credentials = grpc.ServerCredentials.createInsecure();
      server.bindAsync(address, credentials, (error) => (error ? reject(error) : resolve()));
    });
    const { happenings } = this.#parts;
    this.#stopListening = [
      happenings.on('container-started', ({ containerId }) => {
        this.#broadcast(containerId, EVENT.created);
        this.#broadcast(containerId, EVENT.started);
      }),
      happenings.on('container-stopped', ({ containerId }) => {
        this.#broadcast(containerId, EVENT.stopped);
      }),
    ];
    this.#server = server;
  }

  /** Tears all connections, as when the runtime is killed; containers live on. */
  async stop(): Promise<void> {
    for (const stop of this.#stopListening) stop();
    this.#stopListening = [];
    this.#streams.clear();
    this.#server?.forceShutdown();
    this.#server = undefined;
    rmSync(this.#parts.socketPath, { force: true });
  }

  #runtime(): grpc.UntypedServiceImplementation {
    const { cgroupDriver, containerdRoot, happenings } = this.#parts;
    const config = { containerdRootDir: containerdRoot, enableCRIU: true };
    const ready = (type: string) => ({ type, status: true, reason: '', message: '' });
    return {
      Version: answer(() => ({
        version: '0.1.0',
        runtime_name: 'containerd',
        runtime_version: 'v2.4.2+simulated',
        runtime_api_version: 'v1',
      })),
      Status: answer(({ verbose }) => ({
        status: { conditions: [ready('RuntimeReady'), ready('NetworkReady')] },
        info: verbose === true ? { config: JSON.stringify(config) } : {},
      })),
      RuntimeConfig: answer(() => ({
        linux: { cgroup_driver: cgroupDriver === 'systemd' ? 0 : 1 },
      })),
      ListContainers: answer((request) => ({
        containers: this.#incarnations()
          .map(criContainer)
          .filter((one) => fits(one, request.filter as ContainerFilter | null)),
      })),
      ContainerStatus: answer((request) => this.#status(request)),
      CheckpointContainer: this.#checkpoint,
      GetContainerEvents: (stream: EventStream) => {
        this.#streams.add(stream);
        happenings.tell('events-subscribed', { subscribers: this.#streams.size });
        stream.on('cancelled', () => {
          this.#streams.delete(stream);
          stream.end();
        });
      },
    };
  }

  #tasks(): grpc.UntypedServiceImplementation {
    return {
      Get: answer(({ container_id }) => {
        const one = this.#find(String(container_id));
        if (!one) throw serviceError('NotFound', `task ${container_id} not found: not found`);
        const { life } = one;
        const status = !life ? TASK.stopped : life.shimPaused ? TASK.paused : TASK.running;
        const id = one.containerId;
        return { process: { container_id: id, id, pid: life?.pid ?? 0, status } };
      }),
      Resume: answer(({ container_id }) => this.#resume(String(container_id))),
    };
  }

  readonly #checkpoint: Unary = (call, respond) => {
    const controller = new AbortController();
    const deadline = call.getDeadline();
    call.on('cancelled', () => {
      // A call's deadline is real time, whatever clock the sim runs on.
      const expired = Number(deadline) <= systemClock.wallMs();
      controller.abort(expired ? 'deadline' : 'cancelled');
    });
    this.#parts.runner
      .run({
        via: 'cri',
        containerId: String(call.request.container_id),
        location: String(call.request.location),
        signal: controller.signal,
      })
      .then(({ code, message }) => {
        if (code === 'OK') respond(null, {});
        else respond(serviceError(code, message));
      })
      .catch((error: unknown) => respond(serviceError('Internal', String(error))));
  };

  #resume(containerId: string): Record<string, never> {
    const running = this.#parts.model.runningById(containerId);
    if (!running) throw serviceError('NotFound', `task ${containerId} not found: not found`);
    const { life } = running;
    if (!life.shimPaused) throw serviceError('Unknown', 'cannot resume a running process');
    // runc looks at the freezer: while CRIU holds the process, or when somebody thawed it by hand,
    // the container is "not paused", and the shim goes on saying PAUSED.
    if (!life.cgroupFrozen) {
      throw serviceError('Unknown', 'OCI runtime resume failed: container not paused: unknown');
    }
    this.#parts.model.hold(running, { shimPaused: false, cgroupFrozen: false });
    return {};
  }

  #status(request: Record<string, unknown>) {
    const id = String(request.container_id);
    const one = this.#find(id);
    if (!one) {
      const why = `an error occurred when try to find container "${id}": not found`;
      throw serviceError('NotFound', why);
    }
    const { logs, cgroups } = this.#parts;
    const { pod, container, life } = one;
    const info = {
      sandboxID: pod.sandboxId,
      pid: life?.pid ?? 0,
      removing: false,
      runtimeType: 'io.containerd.runc.v2',
      runtimeSpec: life && ociSpec(pod, container, cgroups.cgroupsPath(pod, life)),
    };
    return {
      status: criStatus(one, logs),
      info: request.verbose === true ? { info: JSON.stringify(info) } : {},
    };
  }

  #incarnations(): Incarnation[] {
    return this.#parts.model
      .pods()
      .flatMap((pod) => pod.containers.flatMap((container) => incarnationsOf(pod, container)));
  }

  /** By id or by a prefix of it, as the runtimes allow. */
  #find(id: string): Incarnation | undefined {
    return this.#incarnations().find(({ containerId }) => id !== '' && containerId.startsWith(id));
  }

  #broadcast(containerId: string, type: number): void {
    const one = this.#find(containerId);
    const event = {
      container_id: containerId,
      container_event_type: type,
      created_at: (one?.end?.finishedMs ?? one?.createdMs ?? 0) * 1_000_000,
      containers_statuses: one ? [criStatus(one, this.#parts.logs)] : [],
    };
    for (const stream of this.#streams) stream.write(event);
  }
}

interface ContainerFilter {
  id: string;
  state: { state: number } | null;
  pod_sandbox_id: string;
  label_selector: Record<string, string>;
}

function fits(one: ReturnType<typeof criContainer>, filter: ContainerFilter | null): boolean {
  if (!filter) return true;
  const labels = Object.entries(filter.label_selector);
  return (
    one.id.startsWith(filter.id) &&
    (!filter.state || filter.state.state === one.state) &&
    (filter.pod_sandbox_id === '' || filter.pod_sandbox_id === one.pod_sandbox_id) &&
    labels.every(([key, value]) => (one.labels as Record<string, string>)[key] === value)
  );
}

function service(protoPath: string, name: string): grpc.ServiceDefinition {
  const options = { keepCase: true, longs: Number, defaults: true };
  return loadSync(assetPath(protoPath), options)[name] as grpc.ServiceDefinition;
}

/** A unary call whose answer is made at once; a thrown service error becomes the reply. */
function answer(make: (request: Record<string, unknown>) => unknown): Unary {
  return (call, respond) => {
    try {
      respond(null, make(call.request));
    } catch (error) {
      respond(error as grpc.ServiceError);
    }
  };
}

function serviceError(code: GrpcCodeName, details: string): grpc.ServiceError {
  return Object.assign(new Error(details), {
    code: GRPC_STATUS[code],
    details,
    metadata: new grpc.Metadata(),
  });
}

const GRPC_STATUS: Record<GrpcCodeName, grpc.status> = {
  OK: grpc.status.OK,
  Canceled: grpc.status.CANCELLED,
  Unknown: grpc.status.UNKNOWN,
  InvalidArgument: grpc.status.INVALID_ARGUMENT,
  DeadlineExceeded: grpc.status.DEADLINE_EXCEEDED,
  NotFound: grpc.status.NOT_FOUND,
  AlreadyExists: grpc.status.ALREADY_EXISTS,
  PermissionDenied: grpc.status.PERMISSION_DENIED,
  ResourceExhausted: grpc.status.RESOURCE_EXHAUSTED,
  FailedPrecondition: grpc.status.FAILED_PRECONDITION,
  Unimplemented: grpc.status.UNIMPLEMENTED,
  Internal: grpc.status.INTERNAL,
  Unavailable: grpc.status.UNAVAILABLE,
};
