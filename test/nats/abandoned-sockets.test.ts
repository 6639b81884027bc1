import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closingAbandoned } from '../../src/nats/abandoned-sockets.ts';

let server: Server;
let port = 0;
const accepted: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    accepted.push(socket.resume());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});

afterEach(async () => {
  for (const socket of accepted.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function dial(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

describe('an attempt to connect', () => {
  it('that fails leaves no connection open', async () => {
    let begun: Socket | undefined;
    const failing = closingAbandoned(async () => {
      begun = await dial();
      throw new Error('no answer in time');
    });
    await expect(failing).rejects.toThrow('no answer in time');
    expect(begun?.destroyed).toBe(true);
  });

  it('that succeeds keeps its connection', async () => {
    const socket = await closingAbandoned(dial);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });

  it('touches no connection of others', async () => {
    const [, other] = await Promise.all([
      expect(closingAbandoned(() => Promise.reject(new Error('down')))).rejects.toThrow('down'),
      dial(),
    ]);
    expect(other.destroyed).toBe(false);
    other.destroy();
  });
});
