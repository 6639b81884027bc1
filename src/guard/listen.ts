import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { closeToOthers, type Logger, messageOf, StillpointError } from '../base/index.ts';

/**
 * Listens on a unix socket that root alone may open, mode 0600 in a directory that is closed to
 * others where nobody else uses it. Node cannot ask the kernel who connects (SO_PEERCRED), so the
 * mode is all there is. Errors: `conflict` when another guard listens there, `not-writable`.
 */
export async function listenPrivately(server: Server, socket: string, log: Logger): Promise<void> {
  const directory = dirname(socket);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    closeToOthers([directory], log);
    await clearStale(socket);
    await listen(server, socket);
    chmodSync(socket, 0o600);
  } catch (cause) {
    if (cause instanceof StillpointError) throw cause;
    throw new StillpointError({
      code: 'not-writable',
      message: `cannot listen on ${socket}: ${messageOf(cause)}`,
      cause,
    });
  }
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/** A socket that nobody listens on was left by a guard that was killed. */
async function clearStale(socket: string): Promise<void> {
  const info = lstatSync(socket, { throwIfNoEntry: false });
  if (!info) return;
  if (!info.isSocket()) {
    const message = `${socket} exists and is no socket`;
    throw new StillpointError({ code: 'not-writable', message, hint: 'Move it away.' });
  }
  if (await isAlive(socket)) {
    throw new StillpointError({
      code: 'conflict',
      message: `another guard listens on ${socket}`,
      hint: 'One guard a socket is enough: it serves every agent that comes.',
      retryable: false,
    });
  }
  unlinkSync(socket);
}

function isAlive(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
