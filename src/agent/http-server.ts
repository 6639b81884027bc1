import { createHash, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Clock,
  createQuietLog,
  type ErrorCode,
  type Logger,
  messageOf,
  nodeCodeOf,
  StillpointError,
} from '../base/index.ts';
import type { AlertShape } from '../signal/index.ts';
import type { AlertBody } from '../sources/index.ts';
import { discardBody, readBody } from './http-body.ts';

/** What is served on the pod's address. Everything that is not named here answers 404. */
export interface HttpServerOptions {
  /** `0.0.0.0`, `::` or the pod's own address. */
  address: string;
  /** 0 picks a free one; `start` tells which. */
  port: number;
  /** For /readyz: one word of ours, or undefined where the agent is ready. */
  whyNotReady(): string | undefined;
  /** GET /metrics; without a token anybody who reaches the pod may read it. */
  metrics?: { token?: TokenSource; text(): Promise<{ contentType: string; body: string }> };
  /** POST /alerts/SHAPE; a token is always asked for: an alert may freeze a container. */
  alerts?: {
    token: TokenSource;
    bytesMax: number;
    shapes: readonly AlertShape[];
    accept(shape: AlertShape, body: AlertBody): { status: number; message: string };
    refuseTooLarge(): { status: number; message: string };
  };
  clock: Clock;
  log: Logger;
}

/** Asked at the start and for each request: whoever mounted the token may have replaced it. */
export type TokenSource = () => Promise<string>;

/** A small HTTP/1.1 server that slow, greedy and curious clients cannot hurt. */
export interface HttpServer {
  /**
   * Listens; resolves with the address it got. Errors: `conflict` (the port is taken),
   * `bad-config` (no such address, no right to the port, a token that could be guessed).
   */
  start(): Promise<{ address: string; port: number }>;
  /** Ends open connections and listens no more. */
  stop(): Promise<void>;
}

/** Times in ms. All of them are Node's own timers: they guard sockets, not decisions. */
const LIMITS = {
  connectionsMax: 256,
  headerBytesMax: 16_384,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 5_000,
  checkEveryMs: 1_000,
  requestsPerConnectionMax: 1_000,
  /** A body nobody wants is read and thrown away up to this, so that the client sees the answer. */
  discardBytesMax: { known: 8_388_608, stranger: 65_536 },
} as const;

const TOKEN_LENGTH_MIN = 16;

export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new PodHttpServer(options);
}

/** The token as it is now. Errors: `bad-config`, also for one that could be guessed. */
async function tokenOf(source: TokenSource, what: string): Promise<string> {
  const token = await source();
  if (token.length >= TOKEN_LENGTH_MIN) return token;
  throw new StillpointError({
    code: 'bad-config',
    message: `${what} has ${token.length} characters; at least ${TOKEN_LENGTH_MIN} are needed`,
  });
}

interface Reply {
  status: number;
  body: string;
  contentType?: string;
  headers?: Record<string, string>;
}

interface Route {
  methods: readonly string[];
  token?: TokenSource;
  answer(request: IncomingMessage, response: ServerResponse): Promise<Reply>;
}

class PodHttpServer implements HttpServer {
  private readonly options: HttpServerOptions;
  private readonly routes: ReadonlyMap<string, Route>;
  private readonly server: Server;
  private readonly quiet: ReturnType<typeof createQuietLog>;

  constructor(options: HttpServerOptions) {
    this.options = options;
    this.quiet = createQuietLog(options.log, options.clock);
    this.routes = routesOf(options);
    this.server = createServer({
      maxHeaderSize: LIMITS.headerBytesMax,
      headersTimeout: LIMITS.headersMs,
      requestTimeout: LIMITS.requestMs,
      keepAliveTimeout: LIMITS.idleMs,
      connectionsCheckingInterval: LIMITS.checkEveryMs,
    });
    this.server.maxConnections = LIMITS.connectionsMax;
    this.server.maxRequestsPerSocket = LIMITS.requestsPerConnectionMax;
    this.server.setTimeout(LIMITS.requestMs + LIMITS.idleMs);
    this.server.on('request', (request, response) => this.serve(request, response));
    // Sent before a large body: the answer decides whether the client sends it at all.
    this.server.on('checkContinue', (request, response) => this.serve(request, response));
  }

  async start(): Promise<{ address: string; port: number }> {
    const { address, port } = this.options;
    for (const [path, { token }] of this.routes) {
      if (token) await tokenOf(token, `the token of ${path}`);
    }
    return new Promise((resolve, reject) => {
      // After a successful start the promise is settled and an error of accepting is only logged.
      this.server.on('error', (error) => {
        if (this.server.listening) this.quiet.warn('http-server-error', 'accept', { error });
        reject(fromListen(error, address, port));
      });
      this.server.listen({ host: address, port }, () => {
        const bound = this.server.address() as AddressInfo;
        resolve({ address: bound.address, port: bound.port });
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    this.answer(request, response).catch((error: unknown) => {
      this.quiet.warn('http-answer-failed', 'answer', { reason: messageOf(error) });
      response.destroy();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = this.routes.get(pathOf(request));
    const refusal = await this.refusalOf(request, route);
    const reply = refusal ?? (await route?.answer(request, response));
    if (reply === undefined) throw new Error('a route without an answer');
    const { known, stranger } = LIMITS.discardBytesMax;
    await discardBody(request, refusal === undefined ? known : stranger);
    if (!request.complete) response.setHeader('connection', 'close');
    response.writeHead(reply.status, {
      'content-type': reply.contentType ?? 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(reply.body),
      'x-content-type-options': 'nosniff',
      ...reply.headers,
    });
    response.end(request.method === 'HEAD' ? undefined : reply.body);
  }

  private async refusalOf(
    request: IncomingMessage,
    route: Route | undefined,
  ): Promise<Reply | undefined> {
    if (route === undefined) return { status: 404, body: 'not found\n' };
    if (!route.methods.includes(request.method ?? '')) {
      const allow = route.methods.join(', ');
      return { status: 405, body: `allowed: ${allow}\n`, headers: { allow } };
    }
    if (route.token === undefined) return undefined;
    const path = pathOf(request);
    try {
      if (bearerIs(await tokenOf(route.token, `the token of ${path}`), request)) return undefined;
    } catch (error) {
      this.quiet.warn('http-token-unusable', path, { path, error });
      return { status: 503, body: 'the token cannot be checked now\n' };
    }
    this.quiet.warn('http-unauthorized', path, {
      path,
      from: request.socket.remoteAddress,
    });
    const headers = { 'www-authenticate': 'Bearer' };
    return { status: 401, body: 'a valid bearer token is needed\n', headers };
  }
}

function routesOf({ whyNotReady, metrics, alerts }: HttpServerOptions): ReadonlyMap<string, Route> {
  const read = ['GET', 'HEAD'];
  const routes = new Map<string, Route>();
  routes.set('/healthz', { methods: read, answer: async () => ({ status: 200, body: 'ok\n' }) });
  routes.set('/readyz', {
    methods: read,
    async answer() {
      const why = whyNotReady();
      if (why === undefined) return { status: 200, body: 'ok\n' };
      return { status: 503, body: `not ready: ${why}\n` };
    },
  });
  if (metrics) {
    const answer = async () => ({ status: 200, ...(await metrics.text()) });
    routes.set('/metrics', { methods: read, token: metrics.token, answer });
  }
  for (const shape of alerts?.shapes ?? []) {
    if (!alerts) break;
    routes.set(`/alerts/${shape}`, {
      methods: ['POST'],
      token: alerts.token,
      async answer(request, response) {
        const { status, message } = await acceptAlert(alerts, shape, request, response);
        return { status, body: `${message}\n` };
      },
    });
  }
  return routes;
}

async function acceptAlert(
  alerts: NonNullable<HttpServerOptions['alerts']>,
  shape: AlertShape,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<{ status: number; message: string }> {
  if (Number(request.headers['content-length'] ?? 0) > alerts.bytesMax) {
    return alerts.refuseTooLarge();
  }
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  const data = await readBody(request, alerts.bytesMax);
  if (data === undefined) return alerts.refuseTooLarge();
  return alerts.accept(shape, { data, headers: textsOf(request.headers) });
}

/** Of a header that came several times the first, as Node gives it for all that must be one. */
function textsOf(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

/** Hashes first: equal lengths for the comparison, which takes the same time wherever they differ. */
function bearerIs(token: string, request: IncomingMessage): boolean {
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function fromListen(error: Error, address: string, port: number): StillpointError {
  const nodeCode = nodeCodeOf(error);
  const code: ErrorCode = nodeCode === 'EADDRINUSE' ? 'conflict' : 'bad-config';
  return new StillpointError({
    code,
    message: `http: cannot listen on ${address} port ${port}: ${messageOf(error)}`,
    hint:
      code === 'conflict'
        ? 'Another program has the port; name another one.'
        : 'Name an address of this machine and a port of 1024 or more.',
    cause: error,
  });
}
