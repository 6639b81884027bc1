import { request } from 'node:http';
import {
  type ErrorCode,
  errorCodes,
  formatBytes,
  nodeCodeOf,
  StillpointError,
} from '../base/index.ts';

const REPLY_BYTES_MAX = 64 * 1024 * 1024;
/** A record with its alerts is the largest that comes in one line. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** Asks the agent on this node over its unix socket. */
export interface AgentClient {
  /** Errors: `unreachable` when no agent listens; else the agent's own error, code kept. */
  json<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T>;
  /** The same, for replies that come as one JSON document a line while work goes on. */
  lines(method: 'POST', path: string, body: unknown): AsyncIterable<unknown>;
}

export function createAgentClient(socket: string): AgentClient {
  return {
    async json<T>(method: 'GET' | 'POST', path: string, body?: unknown) {
      const reply = await ask(socket, method, path, body);
      return parse(await readAll(reply, socket), 200) as T;
    },
    async *lines(method, path, body) {
      const reply = await ask(socket, method, path, body);
      let rest = '';
      for await (const chunk of chunksOf(reply, socket)) {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) if (line !== '') yield parseLine(line);
        if (rest.length > LINE_BYTES_MAX) throw tooLarge('a line', LINE_BYTES_MAX);
      }
    },
  };
}

/** A failure after the first line comes as a last line of its own. */
function parseLine(line: string): unknown {
  const document = parse(line, 200) as { error?: unknown } | null;
  if (document?.error !== undefined) throw fromReply(line, 200);
  return document;
}

type Reply = import('node:http').IncomingMessage;

function ask(socket: string, method: string, path: string, body: unknown): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: socket, method, path, headers: { 'content-type': 'application/json' } },
      (reply) => {
        reply.setEncoding('utf8');
        if (reply.statusCode === 200) {
          resolve(reply);
          return;
        }
        readAll(reply, socket)
          .then((text) => reject(fromReply(text, reply.statusCode ?? 0)))
          .catch(reject);
      },
    );
    sent.on('error', (error) => reject(fromSocket(error, socket)));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The parts of a reply; a connection that ends too early is `unreachable`. */
async function* chunksOf(reply: Reply, socket: string): AsyncIterable<string> {
  try {
    for await (const chunk of reply) yield String(chunk);
  } catch (cause) {
    throw new StillpointError({
      code: 'unreachable',
      message: `agent socket ${socket}: the agent ended before it had answered`,
      hint: 'What became of what it had begun is in `stillpoint status` once it runs again.',
      cause,
    });
  }
}

async function readAll(reply: Reply, socket: string): Promise<string> {
  let text = '';
  for await (const chunk of chunksOf(reply, socket)) {
    text += chunk;
    if (text.length > REPLY_BYTES_MAX) throw tooLarge('a reply', REPLY_BYTES_MAX);
  }
  return text;
}

function tooLarge(what: string, bytesMax: number): StillpointError {
  return new StillpointError({
    code: 'too-large',
    message: `the agent sent ${what} of more than ${formatBytes(bytesMax)}`,
  });
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StillpointError({
      code: 'bad-input',
      message: `the agent answered ${status} with something that is no JSON`,
      cause,
    });
  }
}

/** The agent sends `{error: {code, message, hint}}`. */
function fromReply(text: string, status: number): StillpointError {
  const { error } = (parse(text, status) ?? {}) as {
    error?: { code: ErrorCode; message: string; hint?: string };
  };
  if (error && Object.hasOwn(errorCodes, error.code)) return new StillpointError(error);
  return new StillpointError({ code: 'bad-input', message: `the agent answered ${status}` });
}

function fromSocket(error: Error, socket: string): StillpointError {
  const code = nodeCodeOf(error);
  const why: Record<string, string> = {
    ENOENT: 'no agent runs here, or it uses another socket',
    ECONNREFUSED: 'the agent that made this socket is gone',
    EACCES: 'this user may not speak to the agent',
  };
  return new StillpointError({
    code: code === 'EACCES' ? 'forbidden' : 'unreachable',
    message: `agent socket ${socket}: ${why[code ?? ''] ?? error.message}`,
    hint:
      code === 'EACCES'
        ? 'Run it as the user of the agent (root).'
        : 'Start `stillpoint agent`, or name its socket with --socket.',
    cause: error,
  });
}
