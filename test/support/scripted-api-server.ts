import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type PeerCertificate, TLSSocket } from 'node:tls';

/** What a request is, by its path and query. */
export type ExchangeKind = 'list' | 'watch' | 'other';

/** One request that waits for the test to say what the server does. */
export interface Exchange {
  kind: ExchangeKind;
  method: string;
  /** Without query. */
  path: string;
  query: URLSearchParams;
  /** Path and query as they came. */
  url: string;
  headers: http.IncomingHttpHeaders;
  /** What the client showed, where the server asks for it. */
  clientCertificate?: PeerCertificate;
  body: string;
  /** Resolves when the client has closed the connection under this exchange. */
  gone: Promise<void>;
  /** A whole reply; an object is sent as JSON, text as it is. */
  reply(status: number, body: unknown, headers?: Record<string, string>): void;
  /** Status 200 and an open stream. */
  open(): void;
  /** One line of a watch: `{type, object}`, or raw text. */
  line(line: unknown): void;
  /** A piece of a line. */
  bytes(piece: Buffer): void;
  /** Ends the stream in good order. */
  end(): void;
  /** Breaks the connection (TCP reset). */
  reset(): void;
}

/**
 * An API server whose every move the test makes: it speaks real HTTP on loopback, and each request
 * waits until the test takes it with `next` and answers. Nothing is ever answered by itself.
 */
export interface ScriptedApiServer {
  url: string;
  port: number;
  /** The next request of that kind, in the order of arrival; waits for it. */
  next(kind: ExchangeKind): Promise<Exchange>;
  /** Requests that arrived and were not taken. */
  waiting(): ExchangeKind[];
  /** TCP connections accepted so far. */
  connections(): number;
  /** Closes the port and every connection. */
  close(): Promise<void>;
}

export interface ScriptedApiServerOptions {
  /** PEM; default plain http. */
  tls?: { key: string; cert: string; ca?: string; requestCert?: boolean };
  /** A port to listen on again after close(); default any. */
  port?: number;
}

export async function startScriptedApiServer(
  options: ScriptedApiServerOptions = {},
): Promise<ScriptedApiServer> {
  const waiting: Exchange[] = [];
  const takers: { kind: ExchangeKind; take: (exchange: Exchange) => void }[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const arrive = (exchange: Exchange) => {
    const index = takers.findIndex(({ kind }) => kind === exchange.kind);
    const [taker] = index < 0 ? [] : takers.splice(index, 1);
    if (taker) taker.take(exchange);
    else waiting.push(exchange);
  };
  const onRequest: http.RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      arrive(toExchange(request, response, Buffer.concat(chunks).toString('utf8')));
    });
  };
  const server = options.tls
    ? https.createServer({ ...options.tls, rejectUnauthorized: false }, onRequest)
    : http.createServer(onRequest);
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    next(kind) {
      const index = waiting.findIndex((exchange) => exchange.kind === kind);
      const [found] = index < 0 ? [] : waiting.splice(index, 1);
      if (found) return Promise.resolve(found);
      return new Promise((take) => takers.push({ kind, take }));
    },
    waiting: () => waiting.map(({ kind }) => kind),
    connections: () => connections,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

function toExchange(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  body: string,
): Exchange {
  const url = new URL(request.url ?? '/', 'http://server');
  const gone = new Promise<void>((resolve) => response.once('close', () => resolve()));
  const json = { 'Content-Type': 'application/json' };
  return {
    kind: kindOf(request.method ?? '', url),
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    url: request.url ?? '',
    headers: request.headers,
    clientCertificate:
      request.socket instanceof TLSSocket ? request.socket.getPeerCertificate() : undefined,
    body,
    gone,
    reply(status, answer, headers = {}) {
      response.writeHead(status, typeof answer === 'string' ? headers : { ...json, ...headers });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    },
    open() {
      response.writeHead(200, json);
      response.flushHeaders();
    },
    line(line) {
      response.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
    },
    bytes: (piece) => response.write(piece),
    end: () => response.end(),
    reset() {
      const { socket } = request;
      // A TLS socket cannot send a reset; its sudden end is told from an orderly one all the same.
      if (socket instanceof TLSSocket) socket.destroy();
      else socket.resetAndDestroy();
    },
  };
}

function kindOf(method: string, url: URL): ExchangeKind {
  if (method !== 'GET') return 'other';
  if (url.searchParams.get('watch') === 'true') return 'watch';
  return /^\/api\/v1\/(pods|events)$/.test(url.pathname) ? 'list' : 'other';
}

/** A list as the API server gives it. */
export function listOf(items: unknown[], resourceVersion: string, next?: string): unknown {
  return { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion, continue: next }, items };
}

/** The Status object of an error. */
export function statusOf(code: number, reason: string, message: string): unknown {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}
