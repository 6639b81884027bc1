import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { say } from './base/progress.ts';
import { sleep } from './base/wait.ts';
import { isAlive, type ProcessId, processId } from './cluster/processes.ts';
import { home, labName } from './layout.ts';

interface Holder extends ProcessId {
  what: string;
}

const lockFile = path.join(home, `${labName}.lock`);

/** Tells the children of the holder, such as jest, that the lab is theirs already. */
const heldVariable = 'STILLPOINT_LAB_LOCK_HELD';

/**
 * Runs `work` while no other process brings this lab up or down or tests on it. Waits for the
 * other one; a holder that has died holds nothing.
 */
export async function withLabLock<T>(what: string, work: () => Promise<T>): Promise<T> {
  if (process.env[heldVariable] === lockFile) return work();
  await acquire(what);
  process.env[heldVariable] = lockFile;
  try {
    return await work();
  } finally {
    delete process.env[heldVariable];
    rmSync(lockFile, { force: true });
  }
}

async function acquire(what: string): Promise<void> {
  const self = processId(process.pid);
  if (self === undefined) throw new Error('/proc is not there: the lab needs it');
  mkdirSync(home, { recursive: true });
  const startedMs = performance.now();
  for (let nextWordMs = 1000; ; await sleep(200)) {
    const holder = tryToTake({ ...self, what });
    if (holder === undefined) return;
    const waitedMs = performance.now() - startedMs;
    if (waitedMs < nextWordMs) continue;
    nextWordMs = waitedMs + 15_000;
    say(
      `the lab is in use by process ${holder.pid} (${holder.what}); waiting. ` +
        'For a lab beside it set STILLPOINT_LAB_NAME to another name',
    );
  }
}

/** Undefined when the lock is ours now, else who has it. */
function tryToTake(self: Holder): Holder | undefined {
  try {
    writeFileSync(lockFile, JSON.stringify(self), { flag: 'wx' });
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = readHolder();
  if (holder !== undefined && isAlive(holder)) return holder;
  rmSync(lockFile, { force: true });
  return tryToTake(self);
}

function readHolder(): Holder | undefined {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8'));
  } catch {
    // Gone in the meantime, or its holder was killed between making and filling it.
    return undefined;
  }
}
