import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Node tells on this channel of each TCP connection that is begun. */
const CHANNEL = 'net.client.socket';

const attempt = new AsyncLocalStorage<Set<Socket>>();

/**
 * Runs `connect`; where it fails, closes every TCP connection that it had begun. The package
 * forgets the socket of an attempt that timed out before the server's first line was complete:
 * a silent server would cost one open connection at each try, for ever.
 */
export async function closingAbandoned<T>(connect: () => Promise<T>): Promise<T> {
  const begun = new Set<Socket>();
  const note = (message: unknown) => {
    if (attempt.getStore() === begun) begun.add((message as { socket: Socket }).socket);
  };
  subscribe(CHANNEL, note);
  try {
    return await attempt.run(begun, connect);
  } catch (error) {
    for (const socket of begun) socket.destroy();
    throw error;
  } finally {
    unsubscribe(CHANNEL, note);
  }
}
