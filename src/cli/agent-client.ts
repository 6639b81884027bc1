import { request } from 'node:http';
import { type ErrorCode, errorCodes, nodeCodeOf, StillpointError } from '../base/index.ts';

const REPLY_BYTES_MAX = 64 * 1024 * 1024;

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
      const text = await readAll(reply);
      return JSON.parse(text) as T;
    },
    async *lines(method, path, body) {
      const reply = await ask(socket, method, path, body);
      let rest = '';
      for await (const chunk of reply) {
        const parts = (rest + String(chunk)).split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) if (line !== '') yield parseLine(line);
      }
    },
  };
}

/** A failure after the first line comes as a last line of its own. */
function parseLine(line: string): unknown {
  const document = JSON.parse(line) as { error?: unknown };
  if (document.error !== undefined) throw fromReply(line, 200);
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
        readAll(reply).then((text) => reject(fromReply(text, reply.statusCode ?? 0)), reject);
      },
    );
    sent.on('error', (error) => reject(fromSocket(error, socket)));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function readAll(reply: Reply): Promise<string> {
  let text = '';
  for await (const chunk of reply) {
    text += String(chunk);
    if (text.length > REPLY_BYTES_MAX) {
      throw new StillpointError({ code: 'too-large', message: 'the agent sent more than 64 MiB' });
    }
  }
  return text;
}

/** The agent sends `{error: {code, message, hint}}`. */
function fromReply(text: string, status: number): StillpointError {
  try {
    const { error } = JSON.parse(text) as {
      error: { code: ErrorCode; message: string; hint?: string };
    };
    if (error.code in errorCodes) return new StillpointError(error);
  } catch (cause) {
    return new StillpointError({
      code: 'bad-input',
      message: `the agent answered ${status} with something that is no JSON`,
      cause,
    });
  }
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
