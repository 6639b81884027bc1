import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { markerVariable, runDir } from '../layout.ts';

/** A process that cannot be taken for another: a pid may be given out again, with its start time not. */
export interface ProcessId {
  pid: number;
  startTicks: string;
}

interface ProcessStat extends ProcessId {
  name: string;
  state: string;
  parent: number;
}

export function processId(pid: number): ProcessId | undefined {
  const found = statOf(pid);
  return found === undefined || isDead(found) ? undefined : { pid, startTicks: found.startTicks };
}

export function isAlive(id: ProcessId): boolean {
  return processId(id.pid)?.startTicks === id.startTicks;
}

/** Kills the process if it is still the one that was meant. */
export function kill(id: ProcessId, signal: NodeJS.Signals): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export interface LabProcess extends ProcessId {
  name: string;
}

/**
 * Every process of this lab, found by looking and not by remembering: those that carry the marker
 * in their environment (daemons, shims, runc, CRIU, what tests start), those in the lab's network
 * namespace, and those in its cgroups (the containers). This process and its parents are left out,
 * so that a test inside the namespace can take the lab down.
 */
export function labProcesses(netnsInode: number | undefined, inCgroups: Set<number>): LabProcess[] {
  const all = allProcesses();
  const spared = withParents(process.pid, all);
  const marker = `${markerVariable}=${runDir}\0`;
  const ours = (each: ProcessStat) =>
    inCgroups.has(each.pid) ||
    (netnsInode !== undefined && netnsOf(each.pid) === netnsInode) ||
    `${environmentOf(each.pid)}\0`.includes(marker);
  return [...all.values()]
    .filter((each) => !spared.has(each.pid) && !isDead(each) && ours(each))
    .map(({ pid, startTicks, name }) => ({ pid, startTicks, name }));
}

function allProcesses(): Map<number, ProcessStat> {
  const all = new Map<number, ProcessStat>();
  for (const entry of readdirSync('/proc')) {
    const found = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined;
    if (found !== undefined) all.set(found.pid, found);
  }
  return all;
}

function withParents(pid: number, all: Map<number, ProcessStat>): Set<number> {
  const line = new Set<number>();
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = all.get(at)?.parent) {
    line.add(at);
  }
  return line;
}

/**
 * A process is gone when all its threads are. The first thread is a zombie as soon as it has ended
 * itself, while others still hold the sockets open, and a client may still get through to them.
 */
function isDead(found: ProcessStat): boolean {
  return (found.state === 'Z' || found.state === 'X') && threadCount(found.pid) <= 1;
}

function threadCount(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

function statOf(pid: number): ProcessStat | undefined {
  const text = read(`/proc/${pid}/stat`);
  // The name stands in brackets and may itself hold brackets and spaces.
  const end = text.lastIndexOf(')');
  if (end < 0) return undefined;
  const rest = text.slice(end + 2).split(' ');
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, end),
    state: rest[0] ?? 'X',
    parent: Number(rest[1]),
    startTicks: rest[19] ?? '',
  };
}

function environmentOf(pid: number): string {
  return read(`/proc/${pid}/environ`);
}

function netnsOf(pid: number): number | undefined {
  try {
    return Number(readlinkSync(`/proc/${pid}/ns/net`).match(/\d+/)?.[0]);
  } catch {
    return undefined;
  }
}

/** Empty when the process has gone in the meantime. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
