import { X509Certificate } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate, TLSSocket } from 'node:tls';
import type { Clock } from '../base/index.ts';
import { type Asked, fromTransport } from './from-http.ts';
import { pinsFromPem } from './verifying-agent.ts';

/** What a server shows to anybody, before it knows who asks. */
export interface Peek {
  /** Absent over plain http. */
  certificate?: SeenCertificate;
  /** Why OpenSSL or the check of the name would refuse it (`CERT_HAS_EXPIRED`); absent = trusted. */
  distrust?: string;
  /** How far the server's clock is ahead of ours, ms, give or take half a second and the way. */
  aheadMs?: number;
}

export interface SeenCertificate {
  subject: string;
  issuer: string;
  /** DNS names and addresses it is for, as `DNS:node1`. */
  names: readonly string[];
  validFromMs: number;
  validToMs: number;
  fingerprint256: string;
}

/** What the certificate is compared with. */
export interface PeekTrust {
  ca?: string;
  /** The name it must carry; default the host of the address. */
  serverName?: string;
}

/**
 * Looks at a server as a stranger: nothing of ours is sent, so that its certificate need not be
 * trusted, and its answer is not read. Errors: `unreachable`, `cancelled`, `bad-config` (a CA that
 * cannot be parsed).
 */
export async function peekServer(
  server: string,
  trust: PeekTrust,
  clock: Clock,
  signal: AbortSignal,
): Promise<Peek> {
  const asked: Asked = { method: 'GET', path: '/', server };
  const sentMs = clock.wallMs();
  try {
    const { date, ...seen } = await ask(`${server}/`, trust, signal);
    return { ...seen, aheadMs: aheadOf(date, (sentMs + clock.wallMs()) / 2) };
  } catch (error) {
    throw fromTransport(error, asked, signal);
  }
}

type Seen = Pick<Peek, 'certificate' | 'distrust'>;

function ask(
  url: string,
  trust: PeekTrust,
  signal: AbortSignal,
): Promise<Seen & { date: string | undefined }> {
  return new Promise((resolve, reject) => {
    const options: https.RequestOptions = {
      agent: false,
      signal,
      ca: trust.ca,
      ...nameOf(trust.serverName),
      // Looked at only: see `authorized` in describeConnection.
      rejectUnauthorized: false,
    };
    let seen: Seen = {};
    const request = (url.startsWith('https:') ? https : http).get(url, options, (reply) => {
      reply.destroy();
      resolve({ ...seen, date: reply.headers.date });
    });
    // Later the connection may be closed already, and tells nothing any more.
    request.on('socket', (socket) => {
      if (socket instanceof TLSSocket) {
        socket.once('secureConnect', () => {
          seen = describeConnection(socket);
        });
      }
    });
    request.on('error', reject);
  });
}

function nameOf(name: string | undefined): https.RequestOptions {
  if (name === undefined) return {};
  if (!isIP(name)) return { servername: name };
  return { servername: '', checkServerIdentity: (_, seen) => checkServerIdentity(name, seen) };
}

function describeConnection(socket: TLSSocket): Seen {
  // The types say Error; Node keeps the code alone.
  const distrust = socket.authorized ? undefined : String(socket.authorizationError);
  return { certificate: describeCertificate(socket.getPeerCertificate()), distrust };
}

function describeCertificate(seen: PeerCertificate): SeenCertificate {
  return {
    subject: nameText(seen.subject),
    issuer: nameText(seen.issuer),
    names: seen.subjectaltname?.split(', ') ?? [],
    validFromMs: Date.parse(seen.valid_from),
    validToMs: Date.parse(seen.valid_to),
    fingerprint256: seen.fingerprint256,
  };
}

/** `CN=node1, O=system:nodes`. */
function nameText(name: object | undefined): string {
  return Object.entries(name ?? {})
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(', ');
}

/** The header tells whole seconds, cut off: on average it is half a second later. */
function aheadOf(date: string | undefined, nowMs: number): number | undefined {
  const theirs = Date.parse(date ?? '');
  return Number.isNaN(theirs) ? undefined : theirs + 500 - nowMs;
}

/** The subjects of the certificates in a PEM text, to say which CA was compared with. */
export function subjectsOf(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => {
    try {
      return new X509Certificate(block).subject.split('\n').join(', ');
    } catch {
      // Only named for people: what cannot be parsed is a name, too.
      return 'not a certificate';
    }
  });
}

/** True when a certificate of that SHA-256 fingerprint is in the PEM text. Error: `bad-config`. */
export function isPinned(pem: string, fingerprint256: string): boolean {
  const pins = pinsFromPem(pem).map((der) => new X509Certificate(der).fingerprint256);
  return pins.includes(fingerprint256);
}
