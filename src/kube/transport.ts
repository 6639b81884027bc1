import http from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import type { Cancel, Clock } from '../base/index.ts';
import { type Asked, fromTransport } from './from-http.ts';
import type { Credentials, TlsMaterial } from './identity.ts';
import { pinsFromPem, VerifyingAgent, type WithConnectSignal } from './verifying-agent.ts';

export interface TransportRequest {
  method: string;
  /** With query, percent-encoded. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
}

/** Sends requests over one pool of kept connections, as whoever we are at that moment. */
export interface Transport {
  /**
   * Resolves with the reply's head; its body is still to be read. Throws what fromTransport names.
   * A GET on a kept connection that the server had closed is sent once more. A connection that is
   * not made within 5 s is `unreachable`; how long the reply may take is the caller's to say.
   */
  open(
    request: TransportRequest,
    credentials: Credentials,
    signal?: AbortSignal,
  ): Promise<http.IncomingMessage>;
  close(): void;
}

/** Shorter than the 90 s of Go servers: a kept connection is given up by us, not under us. */
const IDLE_MS_MAX = 30_000;

/** How long TCP and TLS may take together: packets that vanish are answered by nobody. */
const CONNECT_MS_MAX = 5_000;

export function createTransport(server: string, clock: Pick<Clock, 'after'>): Transport {
  const isTls = server.startsWith('https:');
  let pool: { tls: TlsMaterial; agent: http.Agent } | undefined;
  const agentFor = (tls: TlsMaterial): http.Agent => {
    // A replaced pool drains by itself: its streams go on, its idle connections time out.
    if (!pool || !isSame(pool.tls, tls)) pool = { tls, agent: createAgent(isTls, tls) };
    return pool.agent;
  };
  return {
    async open(request, credentials, signal) {
      const asked: Asked = { method: request.method, path: request.path, server };
      const agent = credentials.proxyAgent ?? agentFor(credentials.tls);
      const way = { server, clock, agent };
      const first = await send(way, request, credentials, signal);
      if (first.kind === 'reply') return first.reply;
      const mayRepeat = first.wasKept && request.method === 'GET' && !signal?.aborted;
      if (!mayRepeat) throw fromTransport(first.error, asked, signal);
      const second = await send(way, request, credentials, signal);
      if (second.kind === 'reply') return second.reply;
      throw fromTransport(second.error, asked, signal);
    },
    close: () => pool?.agent.destroy(),
  };
}

function createAgent(isTls: boolean, tls: TlsMaterial): http.Agent {
  const kept = { keepAlive: true, timeout: IDLE_MS_MAX, maxFreeSockets: 8 };
  if (!isTls) return new http.Agent(kept);
  const { ca, cert, key, passphrase, insecure, pin } = tls;
  const options = { ...kept, ca, cert, key, passphrase, ...nameToVerify(tls.serverName) };
  if (pin !== undefined) return new VerifyingAgent(options, pinsFromPem(pin));
  return new https.Agent({ ...options, rejectUnauthorized: !insecure });
}

/** Some clusters name their nodes by address: no TLS server name, but a name to verify. */
function nameToVerify(name: string | undefined): https.AgentOptions {
  if (name === undefined) return {};
  if (!isIP(name)) return { servername: name };
  return { servername: '', checkServerIdentity: (_, cert) => checkServerIdentity(name, cert) };
}

type Sent =
  | { kind: 'reply'; reply: http.IncomingMessage }
  | { kind: 'failed'; error: unknown; wasKept: boolean };

interface Way {
  server: string;
  clock: Pick<Clock, 'after'>;
  agent: http.Agent;
}

function send(
  { server, clock, agent }: Way,
  request: TransportRequest,
  credentials: Credentials,
  signal: AbortSignal | undefined,
): Promise<Sent> {
  const ask = server.startsWith('https:') ? https.request : http.request;
  return new Promise((resolve) => {
    const fail = (error: unknown, wasKept: boolean) => resolve({ kind: 'failed', error, wasKept });
    if (signal?.aborted) {
      fail(signal.reason, false);
      return;
    }
    const tooLate = new AbortController();
    let stopTimer: Cancel = () => undefined;
    try {
      const options: https.RequestOptions & WithConnectSignal = {
        method: request.method,
        headers: { 'User-Agent': 'stillpoint', ...credentials.headers, ...request.headers },
        agent,
        signal,
        connectSignal: AbortSignal.any([tooLate.signal, ...(signal ? [signal] : [])]),
      };
      const sent = ask(`${server}${request.path}`, options);
      sent.on('response', (reply) => resolve({ kind: 'reply', reply }));
      // Stays for the life of the request: an abort after the reply is reported here, too.
      sent.on('error', (error) => fail(error, sent.reusedSocket));
      // Without a socket yet, Node tells of an abort only once the connection is made or refused.
      const onAbort = () => fail(signal?.reason, false);
      signal?.addEventListener('abort', onAbort, { once: true });
      stopTimer = clock.after(CONNECT_MS_MAX, () => {
        const error = connectTimeout();
        fail(error, false);
        tooLate.abort();
        sent.destroy(error);
      });
      sent.on('socket', (socket) => onConnected(socket, stopTimer));
      sent.on('close', () => {
        stopTimer();
        signal?.removeEventListener('abort', onAbort);
      });
      sent.end(request.body);
    } catch (error) {
      stopTimer();
      fail(error, false);
    }
  });
}

/** Calls back once the connection is there, TLS and all; at once for one that was kept. */
function onConnected(socket: Socket, done: () => void): void {
  const isTls = socket instanceof TLSSocket;
  const isThere = !socket.connecting && !(isTls && isUnsettled(socket));
  if (isThere) done();
  else socket.once(isTls ? 'secureConnect' : 'connect', done);
}

/** Without a protocol that both have agreed on the handshake is not over. */
function isUnsettled(socket: TLSSocket): boolean {
  const protocol = socket.getProtocol();
  return protocol === null || protocol === 'unknown';
}

function connectTimeout(): Error {
  const message = `no connection within ${CONNECT_MS_MAX / 1_000} s`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

function isSame(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.ca === b.ca &&
    a.cert === b.cert &&
    a.key === b.key &&
    a.passphrase === b.passphrase &&
    a.serverName === b.serverName &&
    a.pin === b.pin &&
    a.insecure === b.insecure
  );
}
