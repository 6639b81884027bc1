import type { IncomingMessage } from 'node:http';
import { type Clock, type Logger, StillpointError } from '../base/index.ts';
import type { ApiClient, ApiRequest } from './api-client.ts';
import { createDeadline, unlessAborted } from './deadline.ts';
import { type Asked, fromStatus, fromTransport } from './from-http.ts';
import type { Identity } from './identity.ts';
import { parseJson, readBody, readLines, readStart } from './read-body.ts';
import { createTransport, type TransportRequest } from './transport.ts';

const TIMEOUT_MS_DEFAULT = 15_000;
const LINE_BYTES_MAX = 8 * 1024 * 1024;
/** A page of 500 large pods fits; more is not an answer to any question of ours. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const REFUSAL_BYTES_MAX = 64 * 1024;

export interface ApiClientOptions {
  clock: Clock;
  log: Logger;
}

/** The ApiClient over HTTP/1.1, as the given identity. */
export function createApiClient(identity: Identity, { clock, log }: ApiClientOptions): ApiClient {
  const { server } = identity;
  const transport = createTransport(server, clock);
  let isWarned = false;

  /** Sends; a 401 is answered once with fresh credentials. Error replies are thrown. */
  const open = async (request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> => {
    const wire = toWire(request);
    const asked = { method: wire.method, path: wire.path, server };
    for (const fresh of [false, true]) {
      const credentials = await unlessAborted(identity.credentials({ fresh }), signal);
      if (credentials.tls.insecure && !isWarned) {
        isWarned = true;
        log.warn('api-server-not-verified', { server, why: 'insecure-skip-tls-verify is set' });
      }
      const reply = await transport.open(wire, credentials, signal);
      const status = reply.statusCode ?? 0;
      if (status >= 200 && status < 300) return reply;
      const { text } = await readStart(reply, REFUSAL_BYTES_MAX);
      if (status === 401 && !fresh) continue;
      throw fromStatus({ status, body: text, retryAfter: reply.headers['retry-after'] }, asked);
    }
    throw new StillpointError({ code: 'internal', message: 'open: both tries fell through' });
  };

  return {
    server,
    async json<T>(request: ApiRequest, signal?: AbortSignal) {
      const asked = { method: request.method, path: request.path, server };
      const deadline = createDeadline(
        clock,
        request.timeoutMs ?? TIMEOUT_MS_DEFAULT,
        asked,
        signal,
      );
      try {
        const reply = await open(request, deadline.signal);
        return parseJson<T>(await readBody(reply, BODY_BYTES_MAX, request.path), asked);
      } catch (error) {
        throw fromTransport(error, asked, deadline.signal);
      } finally {
        deadline.end();
      }
    },
    async lines(request, signal) {
      const asked = { method: request.method, path: request.path, server };
      try {
        const reply = await open(request, signal);
        return untilAborted(readLines(reply, LINE_BYTES_MAX, request.path), asked, signal);
      } catch (error) {
        throw fromTransport(error, asked, signal);
      }
    },
    close: transport.close,
  };
}

function toWire(request: ApiRequest): TransportRequest {
  const { method, path, body } = request;
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body === undefined) return { method, path, headers };
  const text = JSON.stringify(body);
  headers['Content-Type'] = request.contentType ?? 'application/json';
  headers['Content-Length'] = String(Buffer.byteLength(text));
  return { method, path, headers, body: text };
}

/** A stream's lines; its end by our own abort is an end, not an error. */
async function* untilAborted(
  lines: AsyncIterable<string>,
  asked: Asked,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  try {
    yield* lines;
  } catch (error) {
    if (!signal.aborted) throw fromTransport(error, asked);
  }
}
