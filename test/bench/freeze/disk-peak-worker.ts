import { statfsSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * Reads the free space of one file system each 10 ms and keeps the least: in a thread of its own,
 * which nothing that the agent does in the bench's own thread can hold up.
 */

const EVERY_MS = 10;
const { directory } = workerData as { directory: string };

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

const startBytes = freeBytes();
let leastBytes = startBytes;
const timer = setInterval(() => {
  leastBytes = Math.min(leastBytes, freeBytes());
}, EVERY_MS);

parentPort?.once('message', () => {
  clearInterval(timer);
  const endBytes = freeBytes();
  leastBytes = Math.min(leastBytes, endBytes);
  parentPort?.postMessage({ peakBytes: startBytes - leastBytes, leftBytes: startBytes - endBytes });
  parentPort?.close();
});
parentPort?.postMessage('ready');
