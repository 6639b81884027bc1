import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { workerData } from 'node:worker_threads';

/**
 * The worker of an assembly, in which one call of the file system fails before it does anything.
 * Which one, and how, stands in a file beside the directory of the unfinished archive: "EIO 7".
 */
const { path } = workerData as { path: string };
const place = dirname(dirname(path));
const [errno, wanted] = fs.readFileSync(join(place, 'fault'), 'utf8').split(' ');

type Call = (...args: unknown[]) => unknown;

/** Counted from the opening of the archive on: modules are loaded with the same functions. */
let calls = 0;
const functions = fs as unknown as Record<string, Call>;
for (const name of ['openSync', 'fstatSync', 'readSync', 'writeSync', 'fdatasync', 'fsyncSync']) {
  const real = functions[name] as Call;
  functions[name] = (...args) => {
    if (calls > 0 || args[0] === path) calls++;
    if (calls !== Number(wanted)) return real(...args);
    const error = Object.assign(new Error(`${errno}, made up`), { code: errno });
    const last = args.at(-1);
    if (typeof last !== 'function') throw error;
    return process.nextTick(() => last(error));
  };
}
syncBuiltinESMExports();
await import('../../../../src/archive/assembly/assembly-worker.ts');
