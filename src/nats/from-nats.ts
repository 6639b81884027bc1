import { type ErrorCode, messageOf, nodeCodeOf, StillpointError } from '../base/index.ts';

/** Codes of Node's TLS layer that mean: this certificate is not to be trusted. */
const UNTRUSTED = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The package's own codes (ErrorCode of nats 2.29) that say more than "not reachable". */
const BY_NATS_CODE: Readonly<Record<string, ErrorCode>> = {
  ACCOUNT_EXPIRED: 'unauthorized',
  AUTHENTICATION_EXPIRED: 'unauthorized',
  AUTHENTICATION_TIMEOUT: 'unauthorized',
  AUTHORIZATION_VIOLATION: 'unauthorized',
  BAD_AUTHENTICATION: 'unauthorized',
  BAD_CREDS: 'bad-config',
  MAX_PAYLOAD_EXCEEDED: 'too-large',
  PERMISSIONS_VIOLATION: 'forbidden',
  SERVER_OPT_NA: 'tls-untrusted',
  TIMEOUT: 'timeout',
  TLS: 'tls-untrusted',
};

/**
 * What the package or the socket under it threw, as our error. Credentials never stand in the
 * message: neither the package nor the server repeats them.
 */
export function fromNats(error: unknown, doing: string): StillpointError {
  if (error instanceof StillpointError) return error;
  const inner = (error as { chainedError?: unknown } | undefined)?.chainedError;
  const socketCode = nodeCodeOf(inner) ?? nodeCodeOf(error) ?? '';
  const code = UNTRUSTED.has(socketCode) ? 'tls-untrusted' : BY_NATS_CODE[socketCode];
  return new StillpointError({
    code: code ?? BY_NATS_CODE[nodeCodeOf(error) ?? ''] ?? 'unreachable',
    message: `NATS, ${doing}: ${textOf(error, socketCode)}`,
    cause: error,
  });
}

/** The package says no more than the code itself here. */
const WORDS: Readonly<Record<string, string>> = {
  BAD_CREDS: 'the credentials file holds no user JWT and nkey seed',
  CONNECTION_REFUSED: 'the connection was refused or closed at once',
  SERVER_OPT_NA: 'the server does not offer TLS, which is required here',
  TIMEOUT: 'no answer in time',
};

function textOf(error: unknown, code: string): string {
  if (error === undefined || error === null) return 'the server closed the connection';
  const words = WORDS[code];
  if (words !== undefined) return words;
  const text = messageOf(error);
  return code === '' || text.includes(code) ? text : `${text} (${code})`;
}
