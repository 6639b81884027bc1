import {
  type ErrorCode,
  isStillpointError,
  messageOf,
  nodeCodeOf,
  StillpointError,
} from '../base/index.ts';
import { rbacRuleFor } from './rbac-rule.ts';

/** What was asked, for messages. */
export interface Asked {
  method: string;
  path: string;
  /** `https://10.0.0.1:6443`. */
  server: string;
}

/** The server's refusal, read from its reply. */
export interface HttpRefusal {
  status: number;
  /** Cut by the caller. */
  body: string;
  retryAfter?: string | undefined;
}

const TEXT_MAX = 1_024;

/** A connection that failed, as ours: `unreachable`, `tls-untrusted`, `unauthorized`, … */
export function fromTransport(error: unknown, asked: Asked, signal?: AbortSignal): StillpointError {
  if (isStillpointError(error)) return error;
  const where = describe(asked);
  if (signal?.aborted) {
    if (isStillpointError(signal.reason)) return signal.reason;
    return new StillpointError({ code: 'cancelled', message: `${where}: given up`, cause: error });
  }
  const nodeCode = nodeCodeOf(error) ?? '';
  const code = codeOfTransport(nodeCode);
  const said = messageOf(error) || nodeCode;
  // Node adds advice about its own flags, which would have no effect here.
  const words =
    code === 'tls-untrusted' ? said.replace(/; if the root CA is installed.*/s, '') : said;
  return new StillpointError({
    code,
    message: `${where}: ${words}`,
    details: nodeCode === '' ? {} : { nodeCode },
    cause: error,
  });
}

/** OpenSSL's verification results, as Node names them. */
const UNTRUSTED_PREFIXES = [
  'CERT_',
  'ERR_TLS_CERT_',
  'UNABLE_TO_',
  'SELF_SIGNED_',
  'DEPTH_ZERO_',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'PATH_LENGTH_EXCEEDED',
];

function codeOfTransport(nodeCode: string): ErrorCode {
  if (UNTRUSTED_PREFIXES.some((prefix) => nodeCode.startsWith(prefix))) return 'tls-untrusted';
  // The server's TLS alert about our client certificate.
  if (/^ERR_SSL_\w*ALERT_\w*(CERTIFICATE|ACCESS_DENIED|UNKNOWN_CA)/.test(nodeCode)) {
    return 'unauthorized';
  }
  // Our own CA, certificate or key cannot be parsed.
  if (/^ERR_OSSL_|^ERR_SSL_(NO_|KEY_)/.test(nodeCode)) return 'bad-config';
  return 'unreachable';
}

/** A reply with an error status, as ours. `rule` names the right where the path alone cannot. */
export function fromStatus(refusal: HttpRefusal, asked: Asked, rule?: string): StillpointError {
  const { status } = refusal;
  const said = readStatusBody(refusal.body);
  const code = codeOfStatus(status);
  const retryAfterMs = retryAfterOf(refusal.retryAfter, said.retryAfterSeconds);
  const missing = rule ?? rbacRuleFor(asked.method, asked.path);
  return new StillpointError({
    code,
    message: `${describe(asked)}: ${status} ${said.message}`.trimEnd(),
    hint: code === 'forbidden' ? `Grant to the identity of the agent: ${missing}` : undefined,
    details: { status, reason: said.reason, retryAfterMs },
  });
}

function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'not-found';
    case 409:
      return 'conflict';
    case 410:
      return 'expired';
    case 413:
      return 'too-large';
    case 408:
    case 504:
      return 'timeout';
    case 429:
      return 'unreachable';
    default:
      return status >= 500 ? 'unreachable' : 'bad-input';
  }
}

/** The body of an error reply: a Kubernetes Status, or plain text. */
function readStatusBody(body: string): {
  message: string;
  reason?: string;
  retryAfterSeconds?: number;
} {
  try {
    const status = JSON.parse(body);
    if (status?.kind === 'Status') {
      return {
        message: cut(String(status.message ?? status.reason ?? '')),
        reason: typeof status.reason === 'string' ? status.reason : undefined,
        retryAfterSeconds: Number(status.details?.retryAfterSeconds) || undefined,
      };
    }
  } catch {
    // Not JSON: proxies and the kubelet answer in plain text, which is the message then.
  }
  return { message: cut(body.trim()) };
}

function retryAfterOf(header: string | undefined, seconds: number | undefined): number | undefined {
  const given = Number(header) || seconds;
  return given === undefined || given <= 0 ? undefined : Math.min(given, 60) * 1_000;
}

function describe(asked: Asked): string {
  return `${asked.method} ${asked.server}${asked.path.split('?')[0]}`;
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
