import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import {
  type Clock,
  isStillpointError,
  messageOf,
  nodeCodeOf,
  StillpointError,
} from '../base/index.ts';

const BODY_BYTES_MAX = 64 * 1024;

/** Answers one call; `params` are the parts of the path that the route names with `:`. */
export type ApiHandler = (call: {
  params: Readonly<Record<string, string>>;
  body: unknown;
  /** Sends one JSON document a line; after the first, the return value is sent as the last. */
  send: (line: unknown) => void;
  /** Aborted when the caller hangs up. */
  signal: AbortSignal;
  /** Aborted when the server stops: what still waits then says so and ends. */
  stopping: AbortSignal;
}) => Promise<unknown>;

/** `GET /v1/archives/:name` → handler. */
export type ApiRoutes = Readonly<Record<string, ApiHandler>>;

export interface ApiServer {
  /** Error: `conflict` when another agent listens there, `not-writable` when it cannot. */
  start(): Promise<void>;
  /** Takes no more calls, and lets those under way give their last answer. */
  stop(): Promise<void>;
}

/** A caller that does not read its last answer is not waited for. */
const STOP_MS_MAX = 1_000;

/**
 * The agent's own API: HTTP and JSON on a unix socket of mode 0600. Who may open the socket is
 * root on this node already, so there is no further authentication; bodies are capped all the same.
 */
export function createApiServer(
  socket: string,
  routes: ApiRoutes,
  onTrouble: (error: Error) => void,
  clock: Pick<Clock, 'after'>,
): ApiServer {
  const stopping = new AbortController();
  const server = createServer((request, response) => {
    // One command, one call: a kept connection would only have to be closed at the stop.
    response.shouldKeepAlive = false;
    void answer(routes, request, response, stopping.signal);
  });
  // No file descriptor left for a caller, for example: nobody listening would end the process.
  server.on('error', (error) => {
    if (server.listening) onTrouble(error);
  });
  return {
    async start() {
      makeDirectory(dirname(socket));
      await clearStale(socket);
      await listen(server, socket);
      chmodSync(socket, 0o600);
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      stopping.abort();
      const cancel = clock.after(STOP_MS_MAX, () => server.closeAllConnections());
      await closed;
      cancel();
    },
  };
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new StillpointError({
      code: 'not-writable',
      message: `cannot make the directory of the socket, ${path}: ${messageOf(cause)}`,
      hint: 'Name another socket.',
      cause,
    });
  }
}

/** A socket file that nobody listens on is left by a crash and is removed; a live one is not. */
async function clearStale(socket: string): Promise<void> {
  const info = lstatSync(socket, { throwIfNoEntry: false });
  if (!info) return;
  if (!info.isSocket()) {
    throw new StillpointError({
      code: 'not-writable',
      message: `${socket} exists and is no socket`,
      hint: 'Move it away, or name another socket.',
    });
  }
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (alive) {
    throw new StillpointError({
      code: 'conflict',
      message: `another agent listens on ${socket}`,
      hint: 'One agent a node: stop the other one first.',
      retryable: false,
    });
  }
  unlinkSync(socket);
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new StillpointError({
          code: nodeCodeOf(error) === 'EADDRINUSE' ? 'conflict' : 'not-writable',
          message: `cannot listen on ${socket}: ${error.message}`,
          cause: error,
        }),
      ),
    );
    server.listen(socket, resolve);
  });
}

async function answer(
  routes: ApiRoutes,
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
): Promise<void> {
  const hungUp = new AbortController();
  response.on('close', () => hungUp.abort());
  try {
    const { handler, params } = findRoute(routes, request);
    const body = await readBody(request);
    const send = (line: unknown) => {
      if (!response.headersSent)
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`${JSON.stringify(line)}\n`);
    };
    const result = await handler({ params, body, send, signal: hungUp.signal, stopping });
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' });
    response.end(result === undefined ? '' : `${JSON.stringify(result)}\n`);
  } catch (error) {
    sendError(response, error);
  }
}

function findRoute(routes: ApiRoutes, request: IncomingMessage) {
  const parts = (request.url ?? '/').split('?')[0]?.split('/') ?? [];
  for (const [route, handler] of Object.entries(routes)) {
    const [method, path = ''] = route.split(' ');
    const wanted = path.split('/');
    if (method !== request.method || wanted.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((part, index) => {
      const given = parts[index] ?? '';
      if (!part.startsWith(':')) return part === given;
      params[part.slice(1)] = decodePart(given);
      return true;
    });
    if (fits) return { handler, params };
  }
  throw new StillpointError({
    code: 'not-found',
    message: `the agent has no ${request.method} ${parts.join('/')}`,
    hint: 'The agent may be of an older version than this command.',
  });
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new StillpointError({ code: 'bad-input', message: `bad path part "${text}"`, cause });
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let size = 0;
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) {
      throw new StillpointError({
        code: 'too-large',
        message: `a request body of more than ${BODY_BYTES_MAX} bytes`,
      });
    }
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new StillpointError({ code: 'bad-input', message: 'the body is not JSON', cause });
  }
}

function sendError(response: ServerResponse, error: unknown): void {
  const known = isStillpointError(error);
  const document = {
    error: known
      ? { code: error.code, message: error.message, hint: error.hint }
      : { code: 'internal', message: messageOf(error) },
  };
  if (!response.headersSent) {
    response.writeHead(known ? 400 : 500, { 'content-type': 'application/json' });
  }
  response.end(`${JSON.stringify(document)}\n`);
}
