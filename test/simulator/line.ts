import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A wire between an agent and one server of the node, which is cut when the agent is killed. */
export interface Line {
  port: number;
  /** All connections end at once; new ones come through if the other side is there. */
  tear(): void;
  /** Nothing passes any more, and no connection ends: whoever is behind it hangs. */
  mute(): void;
  /** All connections end at once, and no new one comes through. */
  cut(): void;
}

type Where = { port: number; host: string } | { path: string };

/**
 * Listens on `socketPath`, or on a free port of 127.0.0.1, and passes everything on to `to`, as
 * long as that is not away.
 */
export async function openLine(
  to: Where,
  isAway: () => boolean,
  socketPath?: string,
): Promise<Line> {
  const sockets = new Set<Socket>();
  const tear = () => {
    for (const socket of sockets) socket.destroy();
  };
  let muted = false;
  const server = createServer((near) => {
    if (muted) {
      sockets.add(near);
      return;
    }
    if (isAway()) {
      near.destroy();
      return;
    }
    const far = connect(to);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => {
    if (socketPath === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(socketPath, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? (address as AddressInfo).port : 0,
    tear,
    mute() {
      muted = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    cut() {
      server.close();
      tear();
    },
  };
}
