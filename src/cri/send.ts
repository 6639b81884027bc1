import type { Client, ClientReadableStream, Metadata } from '@grpc/grpc-js';
import { type Clock, StillpointError } from '../base/index.ts';
import type { Call } from './connection.ts';
import { fromGrpc } from './from-grpc.ts';
import type { Grpc, Method, Protocol } from './protocol.ts';

/** Where a call goes and what measures its time. */
export interface Line {
  socket: string;
  clock: Clock;
}

/** Who ended a call, where it was us. */
interface Ending {
  cancelledByUs: boolean;
  deadlinePassed: boolean;
}

/** The answer's bytes. Rejects with a StillpointError only. */
export function sendUnary(
  loaded: Protocol,
  client: Client,
  call: Call,
  line: Line,
): Promise<Buffer> {
  const method = methodOf(loaded, call);
  return new Promise((resolve, reject) => {
    const ending: Ending = { cancelledByUs: false, deadlinePassed: false };
    const fail = (error: unknown) => reject(foreign(error, call, line, ending));
    if (call.signal?.aborted) {
      ending.cancelledByUs = true;
      fail(new Error('not begun'));
      return;
    }
    const running = client.makeUnaryRequest<object, Buffer>(
      method.path,
      method.requestSerialize,
      (bytes) => bytes,
      call.request,
      metadataOf(loaded.grpc, call.metadata),
      {},
      (error, value) => {
        stop();
        if (error) fail(error);
        else resolve(value ?? Buffer.alloc(0));
      },
    );
    const stop = endOnTime(running, call, line, ending);
  });
}

/** The messages, as they come. Throws a StillpointError only; leaving early cancels. */
export async function* sendStream<Response>(
  loaded: Protocol,
  client: Client,
  call: Call,
  line: Line,
): AsyncGenerator<Response> {
  const method = methodOf(loaded, call);
  const ending: Ending = { cancelledByUs: false, deadlinePassed: false };
  if (call.signal?.aborted) {
    throw foreign(new Error('not begun'), call, line, { ...ending, cancelledByUs: true });
  }
  const running: ClientReadableStream<unknown> = client.makeServerStreamRequest<object, unknown>(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    call.request,
    metadataOf(loaded.grpc, call.metadata),
    {},
  );
  const stop = endOnTime(running, call, line, ending);
  try {
    for await (const message of running) yield message as Response;
  } catch (error) {
    throw foreign(error, call, line, ending);
  } finally {
    stop();
    running.cancel();
  }
}

function methodOf(loaded: Protocol, { service, method }: Call): Method {
  const found = loaded.services[service]?.[method];
  if (found) return found;
  throw new StillpointError({
    code: 'internal',
    message: `proto files have no method ${service}/${method}`,
  });
}

/**
 * Our own timer and a cancel, never a gRPC deadline: an expired one makes containerd drop its
 * clean-up, a cancel does not; and a jump of the wall clock cannot end the call. Returns what ends
 * the watch.
 */
function endOnTime(
  running: { cancel(): void },
  { signal, deadlineMs }: Call,
  { clock }: Line,
  ending: Ending,
): () => void {
  const onAbort = () => {
    ending.cancelledByUs = true;
    running.cancel();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const stopTimer =
    deadlineMs === undefined
      ? () => undefined
      : clock.after(deadlineMs, () => {
          ending.deadlinePassed = true;
          running.cancel();
        });
  return () => {
    stopTimer();
    signal?.removeEventListener('abort', onAbort);
  };
}

function foreign(error: unknown, call: Call, line: Line, ending: Ending): StillpointError {
  return fromGrpc(error, { call: call.method, socket: line.socket, ...ending });
}

function metadataOf(grpc: Grpc, fields: Call['metadata']): Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(fields ?? {})) metadata.set(name, value);
  return metadata;
}
