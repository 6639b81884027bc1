import { X509Certificate } from 'node:crypto';
import type { ClientRequestArgs } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { messageOf, StillpointError } from '../base/index.ts';

/** Node keeps `signal` from the Agent, so that a connection under way needs one of its own. */
export interface WithConnectSignal {
  connectSignal?: AbortSignal;
}

type Done = (error: Error | null, stream: Duplex) => void;

/**
 * Connections to a server whose certificate is either signed by the given CA, for the given name,
 * or is exactly one of the pinned ones. A kubelet's default certificate is self-signed, for its
 * host name only, and is not renewed when it expires (kubernetes/pkg/kubelet/certificate), so that
 * a CA cannot prove it, but the file on the node can. Nothing of ours is sent before the proof.
 */
export class VerifyingAgent extends https.Agent {
  readonly #pins: readonly Buffer[];

  constructor(options: https.AgentOptions, pins: readonly Buffer[]) {
    super(options);
    this.#pins = pins;
  }

  override createConnection(
    options: ClientRequestArgs & WithConnectSignal,
    done?: Done,
  ): undefined {
    const finish = done as (error: Error | null, stream?: Duplex) => void;
    // OpenSSL still checks chain and name, and Node sets `authorized`; only the verdict is ours.
    const socket = tls.connect({
      ...(options as tls.ConnectionOptions),
      rejectUnauthorized: false,
    });
    const { connectSignal: signal } = options;
    const onAbort = () => socket.destroy(new Error('given up'));
    signal?.addEventListener('abort', onAbort, { once: true });
    const settle = (error: Error | null) => {
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', settle);
      if (error) {
        socket.on('error', () => socket.destroy());
        socket.destroy();
        finish(error);
        return;
      }
      socket.setTimeout(this.options.timeout ?? 0);
      finish(null, socket);
    };
    socket.once('error', settle);
    socket.once('secureConnect', () => settle(this.#judge(socket)));
  }

  /** The error that the connection is refused with, or null. */
  #judge(socket: tls.TLSSocket): Error | null {
    if (socket.authorized) return null;
    const { raw } = socket.getPeerCertificate();
    if (raw && this.#pins.some((pin) => pin.equals(raw))) return null;
    const why = String(socket.authorizationError);
    const where = `${socket.remoteAddress}:${socket.remotePort}`;
    const pinned = this.#pins.length > 0 ? 'and it is not the pinned one' : 'and none is pinned';
    return new StillpointError({
      code: 'tls-untrusted',
      message: `the certificate of ${where} is not proved by the CA (${why}), ${pinned}`,
      details: { why, fingerprint256: socket.getPeerCertificate().fingerprint256 },
    });
  }
}

/** The certificates of a PEM text, as DER. Throws `bad-config` when there is none. */
export function pinsFromPem(pem: string): Buffer[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length === 0) throw new Error('it holds no PEM certificate');
    return blocks.map((block) => new X509Certificate(block).raw);
  } catch (cause) {
    const message = `kubelet.tls.pin cannot pin a certificate: ${messageOf(cause)}`;
    throw new StillpointError({ code: 'bad-config', message, cause });
  }
}
