import type { ConnectionOptions, NatsConnection as PackageConnection } from 'nats';
import type { StillpointError } from '../base/index.ts';
import { closingAbandoned } from './abandoned-sockets.ts';
import { fromNats } from './from-nats.ts';
import type { CheckedOptions } from './options.ts';
import { readSecretFile } from './secrets.ts';

/** A server that does not answer is given up after this; the loop tries the next. */
const CONNECT_MS_MAX = 5_000;
/** A dead peer is noticed after two unanswered pings: 30 s instead of the package's 6 min. */
const PING_EVERY_MS = 10_000;

/** One message as it came. `data` is valid only during the call of the handler. */
export interface NatsMessage {
  subject: string;
  data: Uint8Array;
}

/** One live connection, from its opening to its end; it never reconnects by itself. */
export interface Session {
  /** `127.0.0.1:4222`: the server that answered. */
  readonly server: string;
  /** Largest message that the server takes, in bytes. */
  readonly payloadBytesMax: number;
  /** Resolves when the connection has ended, with the reason. */
  readonly ended: Promise<StillpointError>;
  listen(listener: SessionListener): () => void;
  /** Hands the message to the socket; there is no receipt in core NATS. */
  publish(subject: string, data: Uint8Array): void;
  /** Handles what has arrived, sends what was published, then closes. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface SessionListener {
  subject: string;
  queue?: string;
  onMessage(message: NatsMessage): void;
  /** The server refuses the subscription (`forbidden`); it is gone for this session. */
  onRefused(error: StillpointError): void;
}

/**
 * Opens one connection. The only place that loads the package: a program without NATS never pays
 * for it. The package's own reconnecting is off, because its loop hides why it fails, cannot be
 * cancelled on the first connect, reads secrets once, and gives up after two refusals.
 * Throws our errors.
 */
export async function openSession(options: CheckedOptions): Promise<Session> {
  const { connect, credsAuthenticator, nkeyAuthenticator } = await import('nats');
  try {
    const secrets: Partial<ConnectionOptions> = {};
    const bytes = (text: string) => new TextEncoder().encode(text);
    if (options.credsFile !== undefined) {
      const creds = await readSecretFile(options.credsFile, 'nats.credsFile');
      // The package's pattern for the file needs the line end that trimming took away.
      secrets.authenticator = credsAuthenticator(bytes(`${creds}\n`));
    } else if (options.nkeyFile !== undefined) {
      const seed = await readSecretFile(options.nkeyFile, 'nats.nkeyFile');
      secrets.authenticator = nkeyAuthenticator(bytes(seed));
    } else if (options.tokenFile !== undefined) {
      secrets.token = await readSecretFile(options.tokenFile, 'nats.tokenFile');
    } else if (options.user !== undefined) {
      secrets.user = options.user.name;
      secrets.pass = await readSecretFile(options.user.passwordFile, 'nats.user.passwordFile');
    }
    const tls = options.tlsRequired ? { tls: await readTls(options) } : {};
    const given: ConnectionOptions = {
      ...secrets,
      ...tls,
      servers: [...options.addresses],
      name: options.name,
      reconnect: false,
      timeout: CONNECT_MS_MAX,
      pingInterval: PING_EVERY_MS,
      maxPingOut: 2,
    };
    return wrap(await closingAbandoned(() => connect(given)));
  } catch (error) {
    throw fromNats(error, `connecting to ${options.addresses.join(', ')}`);
  }
}

async function readTls(options: CheckedOptions): Promise<NonNullable<ConnectionOptions['tls']>> {
  const { caFile, certFile, keyFile } = options.tls ?? {};
  const read = async (path: string | undefined, what: string) =>
    path === undefined ? undefined : await readSecretFile(path, `nats.tls.${what}`);
  const ca = await read(caFile, 'caFile');
  const cert = await read(certFile, 'certFile');
  const key = await read(keyFile, 'keyFile');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function wrap(connection: PackageConnection): Session {
  const server = connection.getServer();
  const ended = connection
    .closed()
    .then((reason) => fromNats(reason ?? undefined, `connection to ${server}`));
  return {
    server,
    payloadBytesMax: connection.info?.max_payload ?? 1_048_576,
    ended,
    listen(listener) {
      const subscription = connection.subscribe(listener.subject, {
        ...(listener.queue === undefined ? {} : { queue: listener.queue }),
        callback(error, message) {
          if (error) listener.onRefused(fromNats(error, `listening on ${listener.subject}`));
          else listener.onMessage({ subject: message.subject, data: message.data });
        },
      });
      return () => {
        if (!subscription.isClosed()) subscription.unsubscribe();
      };
    },
    publish(subject, data) {
      try {
        connection.publish(subject, data);
      } catch (error) {
        throw fromNats(error, `publishing to ${subject}`);
      }
    },
    drain: () => connection.drain(),
    close: () => connection.close(),
  };
}
