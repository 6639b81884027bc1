import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf, nodeCodeOf } from '../base/index.ts';
import type { Certificate } from './pki/index.ts';

type Handle = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** An HTTPS server on 127.0.0.1 that can go away and come back on the same port. */
export class HttpsServer {
  readonly #certificate: Certificate;
  readonly #handle: Handle;
  readonly #sockets = new Set<Duplex>();
  #server: Server | undefined;
  #port = 0;

  constructor(certificate: Certificate, handle: Handle) {
    this.#certificate = certificate;
    this.#handle = handle;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    if (this.#server) return;
    const { certPem, keyPem } = this.#certificate;
    const server = createServer(
      { cert: certPem, key: keyPem, keepAlive: true },
      (request, response) => {
        void this.#answer(request, response);
      },
    );
    // A watch or a checkpoint is silent for as long as it likes.
    server.requestTimeout = 0;
    server.timeout = 0;
    server.keepAliveTimeout = 90_000;
    server.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#handle(request, response);
    } catch (error) {
      sendFailure(response, error);
    }
  }

  /** Tears all connections; the port stays its own for a later start. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** What a request that cannot be understood gets; anything else is a mistake of the sim. */
function sendFailure(response: ServerResponse, error: unknown): void {
  const isBadUrl = error instanceof URIError || nodeCodeOf(error) === 'ERR_INVALID_URL';
  if (response.headersSent) response.destroy();
  else response.writeHead(isBadUrl ? 400 : 500).end(messageOf(error));
}

/** The body of a request, or undefined when it is longer than `bytesMax`. */
export async function readBody(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= bytesMax) chunks.push(chunk);
  }
  return length <= bytesMax ? Buffer.concat(chunks) : undefined;
}
