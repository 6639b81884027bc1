import type { Client } from '@grpc/grpc-js';
import { type Clock, messageOf, StillpointError } from '../base/index.ts';
import { type Grpc, loadProtocol, type Protocol, type ServiceName } from './protocol.ts';
import { sendStream, sendUnary } from './send.ts';

/** One call. */
export interface Call {
  service: ServiceName;
  method: string;
  request: object;
  /** Left out: no deadline at all, only `signal` ends it. */
  deadlineMs?: number;
  signal?: AbortSignal;
  metadata?: Readonly<Record<string, string>>;
}

/** One answer, read in the usual way and, when asked, without any loss. */
export interface ExactAnswer<Response> {
  answer: Response;
  /** 64-bit numbers as text, enums as numbers, what was not sent left out. */
  exact(): Record<string, unknown>;
}

/** A connection to the runtime's socket that outlives restarts of the runtime. */
export interface Connection {
  /** Rejects with a StillpointError only. */
  unary<Response>(call: Call): Promise<Response>;
  /** Like `unary`; only for services of CRI. */
  unaryExact<Response>(call: Call): Promise<ExactAnswer<Response>>;
  /**
   * The messages of a server stream, as they come. Leaving the loop early cancels the call. Throws
   * a StillpointError only.
   */
  stream<Response>(call: Call): AsyncGenerator<Response>;
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

/** Opens nothing yet: the channel is made with the first call. */
export function createConnection(options: { socket: string; clock: Clock }): Connection {
  const { socket, clock } = options;
  checkSocketPath(socket);
  let channel: Channel | undefined;
  let closed = false;

  const acquire = (loaded: Protocol): Channel => {
    if (closed) throw closedError(socket);
    channel ??= { client: openClient(loaded.grpc, socket), calls: 0, worn: false };
    channel.calls++;
    return channel;
  };
  const release = (used: Channel) => {
    used.calls--;
    if (used.worn && used.calls === 0) used.client.close();
  };
  // A channel that lost its server waits longer and longer before it looks again; a new one looks
  // at once. Calls that still run on the old one keep it open.
  const wearIfLost = (used: Channel, error: unknown) => {
    if (!(error instanceof StillpointError) || error.code !== 'unreachable') return;
    used.worn = true;
    if (channel === used) channel = undefined;
  };
  const bytesOf = async (call: Call): Promise<{ loaded: Protocol; bytes: Buffer }> => {
    const loaded = await loadProtocol();
    const used = acquire(loaded);
    try {
      return { loaded, bytes: await sendUnary(loaded, used.client, call, { socket, clock }) };
    } catch (error) {
      wearIfLost(used, error);
      throw error;
    } finally {
      release(used);
    }
  };

  return {
    async unary<Response>(call: Call): Promise<Response> {
      const { loaded, bytes } = await bytesOf(call);
      return decode(loaded.services, call, bytes) as Response;
    },
    async unaryExact<Response>(call: Call): Promise<ExactAnswer<Response>> {
      const { loaded, bytes } = await bytesOf(call);
      return {
        answer: decode(loaded.services, call, bytes) as Response,
        exact: () => decode(loaded.exact, call, bytes) as Record<string, unknown>,
      };
    },
    async *stream<Response>(call: Call) {
      const loaded = await loadProtocol();
      const used = acquire(loaded);
      try {
        yield* sendStream<Response>(loaded, used.client, call, { socket, clock });
      } catch (error) {
        wearIfLost(used, error);
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

function decode(services: Protocol['services'], call: Call, bytes: Buffer): unknown {
  try {
    return services[call.service]?.[call.method]?.responseDeserialize(bytes);
  } catch (cause) {
    const message = `${call.method}: the runtime's answer cannot be read: ${messageOf(cause)}`;
    throw new StillpointError({ code: 'runtime-failed', message, cause });
  }
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

function closedError(socket: string): StillpointError {
  return new StillpointError({
    code: 'cancelled',
    message: `the client of ${socket} is closed`,
  });
}
