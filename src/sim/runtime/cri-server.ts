import { rmSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import type { Cancel } from '../../base/index.ts';
import type { CgroupTree } from '../cgroups/index.ts';
import type { Happenings } from '../happenings.ts';
import type { NodeModel, PodLogs } from '../model/index.ts';
import type { SimSettings } from '../options.ts';
import type { CheckpointRunner } from './checkpoint-runner.ts';
import { addContainerdServices, type TaskHands } from './containerd-services.ts';
import {
  criContainer,
  criInfo,
  criStatus,
  type Incarnation,
  incarnationsOf,
} from './cri-messages.ts';
import { answer, answerUntilGivenUp, loadService, serviceError } from './grpc-answers.ts';
import type { LayerStore } from './layer-store.ts';
import type { NativeTasks } from './native-tasks.ts';

export interface CriServerParts {
  socketPath: string;
  model: NodeModel;
  cgroups: CgroupTree;
  logs: PodLogs;
  runner: CheckpointRunner;
  tasks: NativeTasks;
  layers: LayerStore;
  runtime: SimSettings['runtime'];
  snapshotter: string;
  happenings: Happenings;
  cgroupDriver: 'cgroupfs' | 'systemd';
  containerdRoot: string;
}

/** runtime.v1.ContainerEventType. */
const EVENT = { created: 0, started: 1, stopped: 2 } as const;
/** containerd.v1.types.Status of a task whose process has ended. */
const TASK_STOPPED = 3;

type EventStream = grpc.ServerWritableStream<unknown, unknown>;

/** A container runtime's socket: CRI v1 and, on containerd, its own services. */
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
    const { runtime, layers } = this.#parts;
    server.addService(loadService('cri.proto', 'runtime.v1.RuntimeService'), this.#runtime());
    if (runtime.name === 'containerd') addContainerdServices(server, this.#tasks(), layers);
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
    const { cgroupDriver, containerdRoot, happenings, runtime } = this.#parts;
    const isContainerd = runtime.name === 'containerd';
    const config = isContainerd ? { containerdRootDir: containerdRoot, enableCRIU: true } : {};
    const ready = (type: string) => ({ type, status: true, reason: '', message: '' });
    return {
      Version: answer(() => ({
        version: '0.1.0',
        runtime_name: runtime.name,
        runtime_version: `${runtime.version}+simulated`,
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
      CheckpointContainer: answerUntilGivenUp((request, signal) =>
        this.#parts.runner.run({
          via: 'cri',
          containerId: String(request.container_id),
          location: String(request.location),
          signal,
        }),
      ),
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

  #tasks(): TaskHands {
    const { tasks } = this.#parts;
    return {
      get: async (containerId) => {
        const one = this.#find(containerId);
        if (!one) throw serviceError('NotFound', `task ${containerId} not found: not found`);
        const { pod, container, life, containerId: id } = one;
        const status = life ? await tasks.status({ pod, container, life }) : TASK_STOPPED;
        return { process: { container_id: id, id, pid: life?.pid ?? 0, status } };
      },
      pause: (containerId) => tasks.pause(containerId),
      resume: (containerId) => tasks.resume(containerId),
      checkpoint: async (request, signal) => {
        const options = request.options as { value: { image_path: string; work_path: string } };
        return tasks.checkpoint({
          containerId: String(request.container_id),
          imagePath: options.value.image_path,
          workPath: options.value.work_path,
          signal,
        });
      },
    };
  }

  #status(request: Record<string, unknown>) {
    const id = String(request.container_id);
    const one = this.#find(id);
    if (!one) {
      const why = `an error occurred when try to find container "${id}": not found`;
      throw serviceError('NotFound', why);
    }
    const { logs } = this.#parts;
    const info = criInfo(one, this.#parts);
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
