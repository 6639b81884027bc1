import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A cgroup tree and a /proc of plain files, below one temporary directory. */
export interface FakeTree {
  root: string;
  procRoot: string;
  /** Writes in place, as the kernel's files never change their inode; makes directories. */
  write(path: string, text: string): void;
  /** The memory files of one directory; `limit` left out = none. */
  memory(path: string, state: { usage: number; inactiveFile?: number; limit?: number }): void;
  proc(pid: number, file: string, text: string): void;
  remove(path: string): void;
  dispose(): void;
}

export const ID_A = 'a1'.repeat(32);
export const ID_B = 'b2'.repeat(32);

/** v2: one hierarchy. v1: memory and freezer, whose paths begin with the controller's name. */
export function makeFakeTree(version: 1 | 2): FakeTree {
  const base = mkdtempSync(join(tmpdir(), 'stillpoint-cgroups-'));
  const root = join(base, 'cgroup');
  const procRoot = join(base, 'proc');
  mkdirSync(procRoot, { recursive: true });
  const put = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const write = (path: string, text: string) => put(join(root, path), text);
  if (version === 2) write('cgroup.controllers', 'cpu memory pids\n');
  else for (const name of ['memory', 'freezer']) mkdirSync(join(root, name), { recursive: true });
  return {
    root,
    procRoot,
    write,
    memory(path, { usage, inactiveFile = 0, limit }) {
      if (version === 2) {
        write(`${path}/memory.current`, `${usage}\n`);
        write(`${path}/memory.max`, `${limit ?? 'max'}\n`);
        write(`${path}/memory.stat`, `anon ${usage}\nfile 0\ninactive_file ${inactiveFile}\n`);
        return;
      }
      write(`memory/${path}/memory.usage_in_bytes`, `${usage}\n`);
      write(`memory/${path}/memory.limit_in_bytes`, `${limit ?? '9223372036854771712'}\n`);
      const stat = `cache 0\ninactive_file 1\ntotal_rss ${usage}\ntotal_inactive_file ${inactiveFile}\n`;
      write(`memory/${path}/memory.stat`, stat);
    },
    proc: (pid, file, text) => put(join(procRoot, String(pid), file), text),
    remove: (path) => rmSync(join(root, path), { recursive: true }),
    dispose: () => rmSync(base, { recursive: true }),
  };
}
