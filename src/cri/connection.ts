import type { Client, Metadata } from '@grpc/grpc-js';
import { assetPath, type Clock, messageOf, StillpointError } from '../base/index.ts';
import { fromGrpc } from './from-grpc.ts';
import { retryableOnce } from './retryable-once.ts';

/** One unary call. */
export interface Call {
  service: 'runtime.v1.RuntimeService' | 'containerd.services.tasks.v1.Tasks';
  method: string;
  request: object;
  /** Left out: no deadline at all, only `signal` ends it. */
  deadlineMs?: number;
  signal?: AbortSignal;
  metadata?: Readonly<Record<string, string>>;
}

/** A connection to the runtime's socket that outlives restarts of the runtime. */
export interface Connection {
  /** Rejects with a StillpointError only. */
  unary<Response>(call: Call): Promise<Response>;
  close(): void;
}

/** Containers with thousands of mounts give large answers; the kubelet allows the same. */
const RECEIVE_BYTES_MAX = 16 * 1024 * 1024;

/** A file system path, so no longer than the kernel allows for a unix socket. */
const SOCKET_LENGTH_MAX = 107;

/** A channel with the count of its calls; one that is worn is not used for new calls. */
interface Channel {
  client: Client;
  calls: number;
  worn: boolean;
}

type Grpc = typeof import('@grpc/grpc-js');
type Methods = Record<
  string,
  {
    path: string;
    requestSerialize: (value: object) => Buffer;
    responseDeserialize: (bytes: Buffer) => unknown;
  }
>;

interface Protocol {
  grpc: Grpc;
  services: Record<Call['service'], Methods>;
}

/**
 * gRPC and its proto files are loaded with the first call, once for the process: they cost 75 ms
 * and 16 MB, which a CLI command that speaks to no runtime need not pay.
 */
const loadProtocol = retryableOnce(async (): Promise<Protocol> => {
  const files = [assetPath('proto/cri.proto'), assetPath('proto/containerd-tasks.proto')];
  try {
    const [grpc, loader] = await Promise.all([
      import('@grpc/grpc-js'),
      import('@grpc/proto-loader'),
    ]);
    const definition = await loader.load(files, {
      keepCase: true,
      longs: Number,
      enums: String,
      defaults: true,
    });
    return { grpc, services: definition as unknown as Protocol['services'] };
  } catch (cause) {
    const message = `the protocol of the runtime cannot be loaded: ${messageOf(cause)}`;
    throw new StillpointError({ code: 'io', message, cause });
  }
});

/** Opens nothing yet: the channel is made with the first call. */
export function createConnection(options: { socket: string; clock: Clock }): Connection {
  const { socket, clock } = options;
  checkSocketPath(socket);
  let channel: Channel | undefined;
  let closed = false;

  const release = (used: Channel) => {
    used.calls--;
    if (used.worn && used.calls === 0) used.client.close();
  };
  const wear = (used: Channel) => {
    used.worn = true;
    if (channel === used) channel = undefined;
  };

  return {
    async unary<Response>(call: Call): Promise<Response> {
      const loaded = await loadProtocol();
      if (closed) throw closedError(socket);
      channel ??= { client: openClient(loaded.grpc, socket), calls: 0, worn: false };
      const used = channel;
      used.calls++;
      try {
        return await send<Response>(loaded, used.client, call, socket, clock);
      } catch (error) {
        // A channel that lost its server waits longer and longer before it looks again; a new one
        // looks at once. Calls that still run on the old one keep it open.
        if (error instanceof StillpointError && error.code === 'unreachable') wear(used);
        throw error;
      } finally {
        release(used);
      }
    },
    close() {
      closed = true;
      channel?.client.close();
      channel = undefined;
    },
  };
}

function checkSocketPath(socket: string): void {
  if (socket.startsWith('/') && Buffer.byteLength(socket) <= SOCKET_LENGTH_MAX) return;
  throw new StillpointError({
    code: 'bad-config',
    message: `runtime socket '${socket}': must be an absolute path of at most ${SOCKET_LENGTH_MAX} bytes`,
    hint: 'Write /run/containerd/containerd.sock, without a unix:// in front.',
  });
}

function openClient(grpc: Grpc, socket: string): Client {
  return new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure(), {
    // Some servers refuse a path as authority; no keepalive: containerd takes pings for abuse.
    'grpc.default_authority': 'localhost',
    'grpc.max_receive_message_length': RECEIVE_BYTES_MAX,
    // Channels share their sockets, and their waiting times, unless told otherwise.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_reconnect_backoff_ms': 2_000,
    'grpc.enable_retries': 0,
  });
}

function send<Response>(
  loaded: Protocol,
  client: Client,
  call: Call,
  socket: string,
  clock: Clock,
): Promise<Response> {
  const method = loaded.services[call.service][call.method];
  if (!method) {
    throw new StillpointError({
      code: 'internal',
      message: `proto files have no method ${call.service}/${call.method}`,
    });
  }
  return new Promise((resolve, reject) => {
    const state = { cancelledByUs: false, deadlinePassed: false };
    const fail = (error: unknown) => {
      reject(fromGrpc(error, { call: call.method, socket, ...state }));
    };
    if (call.signal?.aborted) {
      state.cancelledByUs = true;
      fail(new Error('not begun'));
      return;
    }
    const running = client.makeUnaryRequest<object, unknown>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      call.request,
      metadataOf(loaded.grpc, call.metadata),
      {},
      (error, value) => {
        stopTimer();
        call.signal?.removeEventListener('abort', onAbort);
        if (error) fail(error);
        else resolve(value as Response);
      },
    );
    const onAbort = () => {
      state.cancelledByUs = true;
      running.cancel();
    };
    call.signal?.addEventListener('abort', onAbort, { once: true });
    // Our own timer and a cancel, never a gRPC deadline: an expired one makes containerd drop its
    // clean-up, a cancel does not; and a jump of the wall clock cannot end the call.
    const stopTimer =
      call.deadlineMs === undefined
        ? () => undefined
        : clock.after(call.deadlineMs, () => {
            state.deadlinePassed = true;
            running.cancel();
          });
  });
}

function metadataOf(grpc: Grpc, fields: Call['metadata']): Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(fields ?? {})) metadata.set(name, value);
  return metadata;
}

function closedError(socket: string): StillpointError {
  return new StillpointError({
    code: 'cancelled',
    message: `the client of ${socket} is closed`,
  });
}
