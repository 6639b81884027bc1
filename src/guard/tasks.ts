import type { IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import {
  type Clock,
  type ErrorCode,
  isStillpointError,
  messageOf,
  StillpointError,
} from '../base/index.ts';
import type { RuntimeClient } from '../cri/index.ts';
import {
  encodeContainerId,
  type Framed,
  readFrame,
  readTaskState,
  writeFrame,
} from './task-wire.ts';

/** The two calls that see and cure a paused container. */
export interface Tasks extends Pick<RuntimeClient, 'taskState' | 'resumeTask'> {
  /** Loads what the calls need, so that it is there before it is needed. May be called often. */
  prepare(): Promise<void>;
}

/**
 * A runtime that does not answer is looked round: the cgroup's file can be written without it. One
 * that is only slow is given more time from question to question, so that it is heard in the end.
 */
const GET_MS = { first: 250, max: 10_000 };

/** While CRIU works, Resume waits in the shim until CRIU is done. */
const RESUME_MS_MAX = 60_000;

const REPLY_BYTES_MAX = 64 * 1024;

interface Reply {
  headers: IncomingHttpHeaders;
  trailers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * containerd's Tasks.Get and Tasks.Resume (api/services/tasks/v1/tasks.proto), as gRPC over Node's
 * own HTTP/2: two messages of one field need no gRPC library, whose 16 MB and 75 ms would come at
 * the worst moment. HTTP/2 itself, 5 MB and up to 80 ms, is loaded where tasks are to be paused.
 * Each call has a connection of its own, so that nothing is left over from a
 * runtime that went away. Errors: `unreachable`, `timeout`, `not-found`, `unsupported` (no task API
 * here), `runtime-failed`.
 */
export function createTasks(options: { socket: string; clock: Clock }): Tasks {
  let getMs = GET_MS.first;
  return {
    async taskState(containerId) {
      try {
        const state = readTaskState(await call(options, 'Get', containerId, getMs));
        getMs = GET_MS.first;
        return state;
      } catch (error) {
        if (isStillpointError(error, 'timeout')) getMs = Math.min(2 * getMs, GET_MS.max);
        throw error;
      }
    },
    async resumeTask(containerId) {
      await call(options, 'Resume', containerId, RESUME_MS_MAX);
    },
    async prepare() {
      await loadHttp2();
    },
  };
}

async function call(
  options: { socket: string; clock: Clock },
  method: 'Get' | 'Resume',
  containerId: string,
  msMax: number,
): Promise<Buffer> {
  const http2 = await loadHttp2();
  const reply = await ask(http2, options, method, encodeContainerId(containerId), msMax);
  return judge(reply, `Tasks.${method} on ${options.socket}`);
}

function loadHttp2() {
  return import('node:http2');
}

/** Sends the request and collects what comes back; decides nothing but that nothing came. */
function ask(
  http2: typeof import('node:http2'),
  { socket, clock }: { socket: string; clock: Clock },
  method: string,
  message: Buffer,
  msMax: number,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const createConnection = () => connect(socket);
    const session = http2.connect('http://localhost', { createConnection });
    const fail = (code: ErrorCode, why: string) => {
      cancel();
      session.destroy();
      reject(new StillpointError({ code, message: `Tasks.${method} on ${socket}: ${why}` }));
    };
    const stream = session.request({
      ':method': 'POST',
      ':path': `/containerd.services.tasks.v1.Tasks/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      'containerd-namespace': 'k8s.io',
    });
    // Our own timer and the end of the connection, never a gRPC deadline: an expired one makes
    // containerd drop its clean-up.
    const cancel = clock.after(msMax, () => fail('timeout', `no answer within ${msMax} ms`));
    const reply: Reply = { headers: {}, trailers: {}, body: Buffer.alloc(0) };
    session.on('error', (error) => fail('unreachable', messageOf(error)));
    stream.on('error', (error) => fail('unreachable', messageOf(error)));
    stream.on('response', (headers) => Object.assign(reply.headers, headers));
    stream.on('trailers', (trailers) => Object.assign(reply.trailers, trailers));
    stream.on('data', (chunk: Buffer) => {
      reply.body = Buffer.concat([reply.body, chunk]);
      if (reply.body.length > REPLY_BYTES_MAX) fail('runtime-failed', 'a reply without end');
    });
    stream.on('close', () => {
      cancel();
      session.close();
      resolve(reply);
    });
    stream.end(writeFrame(message));
  });
}

/** Of gRPC's status codes those that the thaw check tells apart. */
const codeOfStatus: Readonly<Record<string, ErrorCode>> = {
  '5': 'not-found',
  '12': 'unsupported',
  '14': 'unreachable',
};

/** The message of a good reply. An error that says no status is a connection that broke. */
function judge({ headers, trailers, body }: Reply, what: string): Buffer {
  const status = trailers['grpc-status'] ?? headers['grpc-status'];
  const text = trailers['grpc-message'] ?? headers['grpc-message'] ?? '';
  if (status === undefined) {
    throw new StillpointError({ code: 'unreachable', message: `${what}: the connection broke` });
  }
  if (status !== '0') {
    const code = codeOfStatus[String(status)] ?? 'runtime-failed';
    const said = percentDecoded(String(text));
    throw new StillpointError({ code, message: `${what}: code ${status}: ${said}` });
  }
  const framed: Framed = readFrame(body);
  if (framed.kind === 'message') return framed.message;
  throw new StillpointError({ code: 'runtime-failed', message: `${what}: ${framed.why}` });
}

/** As gRPC writes grpc-message; left as it is where it is not. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
