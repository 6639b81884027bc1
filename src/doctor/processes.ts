import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Other processes of the node, as far as they can be seen: in a pod that takes hostPID, and for
 * environment and open files the right to trace them. Whatever cannot be read is undefined.
 */

/** Longer ones are not those that are looked for. */
const FILE_BYTES_MAX = 1024 * 1024;

/** The process that listens on that unix socket; undefined when it cannot be seen. */
export function findRuntimeProcess(procRoot: string, socket: string): number | undefined {
  const isRuntime = (name: string) => /^(containerd|crio|k3s|rke2|cri-dockerd)/.test(name);
  return pidsOf(procRoot).find((pid) => {
    const name = read(join(procRoot, String(pid), 'comm'))?.trim() ?? '';
    return isRuntime(name) && !name.includes('shim') && listensOn(procRoot, pid, socket);
  });
}

/** /proc/net/unix tells the inode of a listening socket; one of the open files must be it. */
function listensOn(procRoot: string, pid: number, socket: string): boolean {
  const directory = join(procRoot, String(pid));
  const lines = read(join(directory, 'net', 'unix'))?.split('\n') ?? [];
  const inodes = lines
    .map((line) => /^\S+: \S+ \S+ 00010000 \S+ \S+ +(\d+) (\/.*)$/.exec(line))
    .filter((match) => match?.[2] === socket)
    .map((match) => `socket:[${match?.[1]}]`);
  if (inodes.length === 0) return false;
  try {
    const files = readdirSync(join(directory, 'fd'));
    return files.some((file) => inodes.includes(linkOf(join(directory, 'fd', file)) ?? ''));
  } catch {
    // Its open files are not ours to see.
    return false;
  }
}

/** The environment that the process was started with. */
export function readEnvironment(
  procRoot: string,
  pid: number,
): Readonly<Record<string, string>> | undefined {
  const text = read(join(procRoot, String(pid), 'environ'));
  if (text === undefined) return undefined;
  const entries = text.split('\0').flatMap((entry) => {
    const at = entry.indexOf('=');
    return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)] as const] : [];
  });
  return Object.fromEntries(entries);
}

/**
 * The root directory of the kubelet of this node (--root-dir), which /configz does not tell;
 * undefined when no such process can be seen, or several that differ.
 */
export function findKubeletRoot(procRoot: string, node: string): string | undefined {
  const kubelets = pidsOf(procRoot)
    .filter((pid) => read(join(procRoot, String(pid), 'comm'))?.trim() === 'kubelet')
    .map((pid) => read(join(procRoot, String(pid), 'cmdline'))?.split('\0') ?? []);
  const named = kubelets.filter((words) => flagOf(words, '--hostname-override') === node);
  const roots = (named.length > 0 ? named : kubelets).map(
    (words) => flagOf(words, '--root-dir') ?? '/var/lib/kubelet',
  );
  return new Set(roots).size === 1 ? roots[0] : undefined;
}

/** The mounts as a process sees them. */
export function readMountinfo(procRoot: string, pid: number | 'self'): string | undefined {
  return read(join(procRoot, String(pid), 'mountinfo'));
}

function flagOf(words: readonly string[], flag: string): string | undefined {
  const at = words.findIndex((word) => word === flag || word.startsWith(`${flag}=`));
  if (at < 0) return undefined;
  return words[at] === flag ? words[at + 1] : words[at]?.slice(flag.length + 1);
}

function pidsOf(procRoot: string): number[] {
  try {
    return readdirSync(procRoot)
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number);
  } catch {
    // No such tree: nothing is seen.
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').slice(0, FILE_BYTES_MAX);
  } catch {
    // It has ended meanwhile, or is not ours to see.
    return undefined;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}
