import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/base/index.ts';
import type { PauseIntent } from '../../src/lease/index.ts';
import { type FakeTree, ID_A } from '../node/fake-tree.ts';
import { repositoryRoot } from '../structure/source-tree.ts';

/** A process whose lines a test waits for. */
export interface Talking {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The next line that was not taken yet and holds this; lines before it are dropped. */
  next(part: string): Promise<string>;
  write(line: string): void;
  /** Kills it and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Resolves with its exit code. */
  ended(): Promise<number | null>;
}

/** Starts a module of this repository; hears its stdout, or its stderr where that is its log. */
export function talk(script: string, args: readonly string[], hear: 'stdout' | 'stderr'): Talking {
  const child = spawn(process.execPath, [join(repositoryRoot, script), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const waiting: string[] = [];
  const wanted: (() => void)[] = [];
  createInterface({ input: child[hear] }).on('line', (line) => {
    waiting.push(line);
    for (const look of wanted.splice(0)) look();
  });
  const exit = once(child, 'exit');
  const ended = async () => {
    await exit;
    return child.exitCode;
  };
  return {
    child,
    pid: child.pid ?? 0,
    async next(part) {
      for (;;) {
        for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
          if (line.includes(part)) return line;
        }
        const more = new Promise<void>((resolve) => wanted.push(resolve));
        const over = exit.then(() => {
          if (waiting.length === 0) throw new Error(`${script} ended before it said ${part}`);
        });
        await Promise.race([more, over]);
      }
    },
    write: (line) => void child.stdin.write(`${line}\n`),
    async kill(signal) {
      child.kill(signal);
      await exit;
    },
    ended,
  };
}

/** A container of the tree that can be frozen by its file; the kernel's answer is left out. */
export function freezable(tree: FakeTree, name = `pod1/${ID_A}`): PauseIntent {
  tree.write(`${name}/cgroup.freeze`, '0\n');
  tree.write(`${name}/cgroup.events`, 'populated 1\nfrozen 0\n');
  tree.write(`${name}/cgroup.procs`, '');
  return {
    containerId: ID_A,
    via: 'freezer',
    cgroupVersion: 2,
    freezerDirectory: join(tree.root, name),
  };
}

export function isFrozen({ freezerDirectory = '' }: PauseIntent): boolean {
  const file = join(freezerDirectory, 'cgroup.freeze');
  return existsSync(file) && readFileSync(file, 'utf8').startsWith('1');
}

/** How long the container stands still from now on, ms; looks each 5 ms, for at most 10 s. */
export async function frozenForMs(look: () => boolean | Promise<boolean>): Promise<number> {
  const beganMs = systemClock.monotonicMs();
  for (;;) {
    const isStill = await look();
    const ms = systemClock.monotonicMs() - beganMs;
    if (!isStill || ms > 10_000) return ms;
    await systemClock.sleep(5);
  }
}
