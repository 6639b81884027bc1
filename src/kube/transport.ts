import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
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
   * A GET on a kept connection that the server had closed is sent once more.
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

export function createTransport(server: string): Transport {
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
      const first = await send(server, request, credentials, agent, signal);
      if (first.kind === 'reply') return first.reply;
      const mayRepeat = first.wasKept && request.method === 'GET' && !signal?.aborted;
      if (!mayRepeat) throw fromTransport(first.error, asked, signal);
      const second = await send(server, request, credentials, agent, signal);
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

function send(
  server: string,
  request: TransportRequest,
  credentials: Credentials,
  agent: http.Agent,
  signal: AbortSignal | undefined,
): Promise<Sent> {
  const ask = server.startsWith('https:') ? https.request : http.request;
  return new Promise((resolve) => {
    const fail = (error: unknown, wasKept: boolean) => resolve({ kind: 'failed', error, wasKept });
    if (signal?.aborted) {
      fail(signal.reason, false);
      return;
    }
    try {
      const options: https.RequestOptions & WithConnectSignal = {
        method: request.method,
        headers: { 'User-Agent': 'stillpoint', ...credentials.headers, ...request.headers },
        agent,
        signal,
        connectSignal: signal,
      };
      const sent = ask(`${server}${request.path}`, options);
      sent.on('response', (reply) => resolve({ kind: 'reply', reply }));
      // Stays for the life of the request: an abort after the reply is reported here, too.
      sent.on('error', (error) => fail(error, sent.reusedSocket));
      // Without a socket yet, Node tells of an abort only once the connection is made or refused.
      const onAbort = () => fail(signal?.reason, false);
      signal?.addEventListener('abort', onAbort, { once: true });
      sent.on('close', () => signal?.removeEventListener('abort', onAbort));
      sent.end(request.body);
    } catch (error) {
      fail(error, false);
    }
  });
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
