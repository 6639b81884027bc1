import { createNodeProbe, openCgroups } from '../../../src/node/index.ts';
import { waitFor } from '../base/wait.ts';
import { containerPid, ctr, type LabNode } from '../lib/index.ts';
import { type Traces, tracesOn } from './traces.ts';

/** What one fault did, as it is printed; the three counts must be 0. */
export interface FaultRow {
  fault: string;
  moment: string;
  /** How the capture ended. */
  ended: string;
  /** The longest time that the container stood still. */
  stoodStillMs: number | undefined;
  frozen: number;
  halfArchives: number;
  leftovers: number;
  /** How a capture right after it ended. */
  next: string;
}

/** Lines of a table, to be printed when a file of tests is over. */
export function faultTable(title: string): { add(row: FaultRow): void; print(): void } {
  const rows: FaultRow[] = [];
  return {
    add: (row) => void rows.push(row),
    print() {
      const head =
        'fault | moment | ended | stood still | frozen | half archives | leftovers | next';
      const lines = rows.map((row) => {
        const still = row.stoodStillMs === undefined ? '-' : `${row.stoodStillMs.toFixed(0)} ms`;
        const counts = [row.frozen, row.halfArchives, row.leftovers].map(String);
        return [row.fault, row.moment, row.ended, still, ...counts, row.next].join(' | ');
      });
      process.stdout.write(`\n${title}\n${[head, ...lines].join('\n')}\n`);
    },
  };
}

/** All that must be as before once a capture has ended, however it ended. */
export interface Care {
  node: LabNode;
  before: Traces;
  /** How long it may take until nothing is left. */
  settleMs?: number;
}

/** What the runtime collects by itself, it collects within seconds. */
const SETTLE_MS = 10_000;
/**
 * Nobody but time tells that a killed CRIU has ended: its images are removed once they have not
 * changed for half a minute.
 */
export const SETTLE_KILLED_MS = 50_000;

/** Counts what a capture left; gives its clean-up a while. */
export async function countTraces({
  node,
  before,
  settleMs = SETTLE_MS,
}: Care): Promise<Pick<FaultRow, 'halfArchives' | 'leftovers'> & { named: readonly string[] }> {
  const count = async () => {
    const now = await tracesOn(node);
    const fresh = (of: (traces: Traces) => readonly string[]) =>
      of(now).filter((name) => !of(before).includes(name));
    const halfArchives = fresh((traces) => traces.halfArchives);
    const left = [...fresh(({ files }) => files), ...fresh(({ containerd }) => containerd)];
    return {
      halfArchives: halfArchives.length,
      leftovers: left.length,
      named: [...halfArchives, ...left],
    };
  };
  try {
    return await waitFor(
      'the traces of a capture to go',
      async () => {
        const found = await count();
        return found.named.length === 0 ? found : undefined;
      },
      { timeoutMs: settleMs, everyMs: 200 },
    );
  } catch {
    return count();
  }
}

/** The two states of which neither alone proves that a container runs. */
export async function standsStill(node: LabNode, containerId: string): Promise<boolean> {
  const tasks = await ctr(node, ['tasks', 'ls']);
  const line = tasks.split('\n').find((each) => each.startsWith(containerId));
  if (line === undefined) return false;
  return !line.includes('RUNNING') || (await freezerOf(node, containerId))() === 'frozen';
}

/** Reads the container's freezer; found once, because a freeze may last only 100 ms. */
export async function freezerOf(node: LabNode, containerId: string): Promise<() => string> {
  const cgroups = openCgroups();
  const probe = createNodeProbe({ cgroups });
  const cgroup = cgroups.locate({ pid: await containerPid(node, containerId) });
  if (!cgroup) throw new Error(`no cgroup of ${containerId}`);
  return () => probe.cgroups.freezerState(cgroup) ?? 'gone';
}
