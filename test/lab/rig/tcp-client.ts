import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * tcp-client ADDRESS PORT
 *
 * What a user of a container sees: one request each 10 ms over one connection, and beside it one
 * request each 10 ms over a connection of its own. Says "first" after the first answers, and on
 * SIGTERM one line of JSON: for both kinds how many requests were answered, the times that were
 * longer than 25 ms, and what broke.
 */

interface Told {
  answered: number;
  gaps: { ms: number; atUnixMs: number }[];
  broken: string[];
}

const [address = '', port = ''] = process.argv.slice(2);
const EVERY_MS = 10;
const GAP_MS_MIN = 25;
const REQUEST = Buffer.alloc(100, 'x');
const kept: Told = { answered: 0, gaps: [], broken: [] };
const fresh: Told = { answered: 0, gaps: [], broken: [] };
let over = false;

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: Number(port), noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

function ask(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = REQUEST.length;
    const ended = () => reject(new Error('closed by the other side'));
    socket.once('error', reject);
    socket.once('close', ended);
    socket.on('data', function take(part: Buffer) {
      left -= part.length;
      if (left > 0) return;
      socket.off('data', take);
      socket.off('close', ended);
      socket.off('error', reject);
      resolve();
    });
    socket.write(REQUEST);
  });
}

async function timed(told: Told, act: () => Promise<void>): Promise<void> {
  const atUnixMs = Date.now();
  const startedMs = performance.now();
  try {
    await act();
    told.answered++;
  } catch (error) {
    told.broken.push(String(error));
  }
  const ms = performance.now() - startedMs;
  if (ms > GAP_MS_MIN) told.gaps.push({ ms, atUnixMs });
}

async function overOneConnection(): Promise<void> {
  let socket = await open();
  while (!over) {
    await timed(kept, async () => {
      if (socket.destroyed) socket = await open();
      await ask(socket);
    });
    await sleep(EVERY_MS);
  }
  socket.destroy();
}

async function overNewConnections(): Promise<void> {
  while (!over) {
    await timed(fresh, async () => {
      const socket = await open();
      await ask(socket);
      socket.destroy();
    });
    await sleep(EVERY_MS);
  }
}

process.once('SIGTERM', () => {
  over = true;
});
const kinds = [overOneConnection(), overNewConnections()];
const first = setInterval(() => {
  if (kept.answered === 0) return;
  clearInterval(first);
  process.stdout.write('first\n');
}, 1);
await Promise.all(kinds);
process.stdout.write(`${JSON.stringify({ kept, fresh })}\n`);
