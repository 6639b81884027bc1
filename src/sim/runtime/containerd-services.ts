import type * as grpc from '@grpc/grpc-js';
import {
  answer,
  answerUntilGivenUp,
  isServiceError,
  loadService,
  serviceError,
} from './grpc-answers.ts';
import type { LayerStore, StoredMount } from './layer-store.ts';

/** What the task service does, behind the wire. */
export interface TaskHands {
  get(containerId: string): Promise<object>;
  pause(containerId: string): Promise<object>;
  resume(containerId: string): Promise<object>;
  checkpoint: Parameters<typeof answerUntilGivenUp>[0];
}

/** More would be one message too long for some clients. */
const CHUNK_BYTES = 1024 * 1024;

/** containerd's own services, as far as Stillpoint speaks to them. */
export function addContainerdServices(
  server: grpc.Server,
  tasks: TaskHands,
  layers: LayerStore,
): void {
  const add = (part: string, name: string, methods: grpc.UntypedServiceImplementation) =>
    server.addService(
      loadService(`containerd-${part}.proto`, `containerd.services.${name}`),
      methods,
    );
  const id = (request: Record<string, unknown>) => String(request.container_id);
  add('tasks', 'tasks.v1.Tasks', {
    Get: answer((request) => tasks.get(id(request))),
    Pause: answer((request) => tasks.pause(id(request))),
    Resume: answer((request) => tasks.resume(id(request))),
    Checkpoint: answerUntilGivenUp(tasks.checkpoint),
  });
  add('leases', 'leases.v1.Leases', {
    Create: answer(({ id: name, labels }) => {
      layers.createLease(String(name), labels as Record<string, string>);
      return {};
    }),
    List: answer(() => ({ leases: layers.listLeases() })),
    Delete: answer(({ id: name }) => {
      layers.deleteLease(String(name));
      return {};
    }),
  });
  add('snapshots', 'snapshots.v1.Snapshots', {
    Stat: answer(({ snapshotter, key }) => ({
      info: { name: key, parent: layers.parentOf(String(snapshotter), String(key)) },
    })),
    Mounts: answer(({ snapshotter, key }) => ({
      mounts: layers.mountsOf(String(snapshotter), String(key)),
    })),
    View: answer(({ key, parent }, { leaseOf }) => ({
      mounts: layers.view(String(key), String(parent), leaseOf()),
    })),
    Remove: answer(({ key }) => {
      layers.removeView(String(key));
      return {};
    }),
  });
  add('diff', 'diff.v1.Diff', {
    Diff: answer(({ right, media_type }, { leaseOf }) => ({
      diff: layers.diff(right as StoredMount[], String(media_type), leaseOf()),
    })),
  });
  add('content', 'content.v1.Content', { Read: readContent(layers) });
}

function readContent(
  layers: LayerStore,
): grpc.handleServerStreamingCall<Record<string, unknown>, unknown> {
  return (stream) => {
    try {
      const bytes = layers.read(String(stream.request.digest));
      for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
        stream.write({ offset, data: bytes.subarray(offset, offset + CHUNK_BYTES) });
      }
      stream.end();
    } catch (error) {
      const told = isServiceError(error) ? error : serviceError('Internal', String(error));
      stream.emit('error', told);
    }
  };
}
