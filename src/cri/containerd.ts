import { randomBytes } from 'node:crypto';
import { type Clock, StillpointError } from '../base/index.ts';
import type { Call, Connection } from './connection.ts';
import type {
  ContainerdClient,
  RootfsDiff,
  Snapshot,
  TaskCheckpoint,
} from './containerd-client.ts';
import type {
  WireDiffResponse,
  WireLeasesResponse,
  WireMountsResponse,
  WireSnapshotStatResponse,
} from './wire.ts';

/** A call to one of containerd's own services; `unsupported` on another runtime. */
export type ContainerdCall = <Response>(call: Call) => Promise<Response>;

/** Where Kubernetes' containers live inside containerd. */
export const containerdNamespace = { 'containerd-namespace': 'k8s.io' };

/** Uncompressed: packing takes a fraction of the time, and the archive is made later. */
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** What a killed agent left is gone after this; longer than any layer takes. */
const LEASE_MS = 3_600_000;

/** How long a question may take, as in client.ts. */
const QUESTION_MS_MAX = 10_000;

/** Removing may have to wait for a garbage collection. */
const REMOVE_MS_MAX = 60_000;

export function createContainerdClient(
  call: ContainerdCall,
  connection: Pick<Connection, 'stream'>,
  clock: Clock,
): ContainerdClient {
  return {
    async pauseTask(containerId, signal) {
      const request = { container_id: containerId };
      await call({ service: TASKS, method: 'Pause', request, signal });
    },
    async checkpointTask(checkpoint, signal) {
      const request = checkpointRequest(checkpoint);
      await call({ service: TASKS, method: 'Checkpoint', request, signal });
    },
    prepareRootfsDiff: (snapshot) => prepareRootfsDiff(call, connection, clock, snapshot),
    removeRootfsDiffsBefore: (wallMs) => removeLeasesBefore(call, wallMs),
  };
}

const TASKS = 'containerd.services.tasks.v1.Tasks';
const SNAPSHOTS = 'containerd.services.snapshots.v1.Snapshots';
const LEASES = 'containerd.services.leases.v1.Leases';

function checkpointRequest(checkpoint: TaskCheckpoint): object {
  return {
    container_id: checkpoint.containerId,
    options: {
      type_url: 'containerd.runc.v1.CheckpointOptions',
      value: {
        open_tcp: checkpoint.tcpEstablished,
        external_unix_sockets: checkpoint.externalUnixSockets,
        file_locks: checkpoint.fileLocks,
        image_path: checkpoint.imagePath,
        work_path: checkpoint.workPath,
      },
    },
  };
}

/**
 * The changes between the snapshot and its parent, the very way in which containerd finds them for
 * its own checkpoints: a view of the parent, the mounts of the snapshot, and its diff service.
 */
async function prepareRootfsDiff(
  call: ContainerdCall,
  connection: Pick<Connection, 'stream'>,
  clock: Clock,
  { snapshotter, snapshotKey }: Snapshot,
): Promise<RootfsDiff> {
  const name = `stillpoint-${snapshotKey.slice(0, 64)}-${randomBytes(8).toString('hex')}`;
  const metadata = { ...containerdNamespace, 'containerd-lease': name };
  const ask = <Response>(service: Call['service'], method: string, request: object) =>
    call<Response>({ service, method, request, metadata, deadlineMs: QUESTION_MS_MAX });
  const release = async () => {
    const view = { snapshotter, key: name };
    const removed = call({
      service: SNAPSHOTS,
      method: 'Remove',
      request: view,
      deadlineMs: REMOVE_MS_MAX,
    });
    await removed.catch(ignoreMissing);
    const request = { id: name, sync: true };
    const deleted = call({ service: LEASES, method: 'Delete', request, deadlineMs: REMOVE_MS_MAX });
    await deleted.catch(ignoreMissing);
  };
  await createLease(call, name, clock.wallMs() + LEASE_MS);
  try {
    const snapshot = { snapshotter, key: snapshotKey };
    const [stat, upper] = await Promise.all([
      ask<WireSnapshotStatResponse>(SNAPSHOTS, 'Stat', snapshot),
      ask<WireMountsResponse>(SNAPSHOTS, 'Mounts', snapshot),
    ]);
    const view = { snapshotter, key: name, parent: stat.info?.parent ?? '' };
    const lower = await ask<WireMountsResponse>(SNAPSHOTS, 'View', view);
    let digest = '';
    return {
      async take(signal) {
        const request = { left: lower.mounts, right: upper.mounts, media_type: LAYER, ref: name };
        const service = 'containerd.services.diff.v1.Diff';
        const answer = await call<WireDiffResponse>({
          service,
          method: 'Diff',
          request,
          metadata,
          signal,
        });
        digest = answer.diff?.digest ?? '';
        return { digest, bytes: answer.diff?.size ?? 0 };
      },
      read: (signal) => readBlob(connection, digest, signal),
      release,
    };
  } catch (error) {
    // The cause is told; what is left of the lease ends by itself.
    await release().catch(() => undefined);
    throw error;
  }
}

async function createLease(call: ContainerdCall, id: string, expiresMs: number): Promise<void> {
  const expires = `${new Date(expiresMs).toISOString().slice(0, 19)}Z`;
  const request = { id, labels: { 'containerd.io/gc.expire': expires } };
  await call({ service: LEASES, method: 'Create', request, deadlineMs: QUESTION_MS_MAX });
}

/** As prepareRootfsDiff names them. */
const LEASE_NAME = /^stillpoint-[\w.-]{1,64}-[0-9a-f]{16}$/;

/** A lease that was made in the same second may be of an agent that lives. */
async function removeLeasesBefore(call: ContainerdCall, wallMs: number): Promise<number> {
  const { leases } = await call<WireLeasesResponse>({
    service: LEASES,
    method: 'List',
    request: {},
    deadlineMs: QUESTION_MS_MAX,
  });
  const left = leases.filter(({ id, created_at }) => {
    const createdS = created_at?.seconds ?? Number.POSITIVE_INFINITY;
    return LEASE_NAME.test(id) && createdS < Math.floor(wallMs / 1_000);
  });
  for (const { id } of left) {
    const request = { id, sync: true };
    const deleted = call({ service: LEASES, method: 'Delete', request, deadlineMs: REMOVE_MS_MAX });
    await deleted.catch(ignoreMissing);
  }
  return left.length;
}

async function* readBlob(
  connection: Pick<Connection, 'stream'>,
  digest: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stream = connection.stream<{ data: Uint8Array }>({
    service: 'containerd.services.content.v1.Content',
    method: 'Read',
    request: { digest },
    metadata: containerdNamespace,
    signal,
  });
  for await (const { data } of stream) yield data;
}

function ignoreMissing(error: unknown): void {
  if (error instanceof StillpointError && error.code === 'not-found') return;
  throw error;
}
