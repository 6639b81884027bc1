import type { IncomingMessage } from 'node:http';

/**
 * Reads a body of at most `bytesMax`; undefined as soon as it is larger, the rest unread. Rejects
 * when the client goes away or is too slow (the server's requestTimeout ends it).
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (end: () => void) => {
      request.removeAllListeners('data').removeAllListeners('end');
      request.pause();
      end();
    };
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) finish(() => resolve(undefined));
      else chunks.push(chunk);
    });
    request.on('end', () => finish(() => resolve(Buffer.concat(chunks))));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client closed the connection')));
  });
}

/**
 * Reads what is left of a body that nobody wants, up to `bytesMax`, and keeps nothing of it: a
 * client that is still sending would not see an answer before a reset.
 */
export function discardBody(request: IncomingMessage, bytesMax: number): Promise<void> {
  const isWaiting = request.headers.expect !== undefined;
  if (request.complete || request.destroyed || isWaiting) return Promise.resolve();
  return new Promise((resolve) => {
    let bytes = 0;
    const finish = () => {
      request.removeListener('data', count);
      request.pause();
      resolve();
    };
    const count = (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) finish();
    };
    request.on('data', count);
    request.once('end', finish);
    request.once('error', finish);
    request.once('close', finish);
    request.resume();
  });
}
