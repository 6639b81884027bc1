import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FactOf } from '../../../src/agent/index.ts';
import { GiveUp } from '../base/wait.ts';
import {
  awaitRunning,
  containerPid,
  ctr,
  deletePod,
  gapsIn,
  labInfo,
  lastTickIn,
  nodeOf,
  podLogs,
  type RunningContainer,
  startContainerd,
  startWorkPod,
  stopContainerd,
  waitFor,
} from '../lib/index.ts';
import {
  countTraces,
  emptyCheckpoints,
  type FaultRow,
  faultTable,
  type Moment,
  moments,
  type PathAgent,
  pathLabels,
  pidsOf,
  reach,
  SETTLE_KILLED_MS,
  standsStill,
  startPathAgent,
  type Traces,
  tracesOn,
} from '../rig/index.ts';

type Outcome = FactOf<'ended'>['outcome'];

/*
 * Whoever works on a dump is killed in the middle of it: after that nobody may stand still, and
 * nothing may be left, and the next capture is a whole one.
 */

const node = nodeOf(labInfo());
const SIZE_MB = 384;
const POD = 'killed-at';
const TRIES = 5;

let agent: PathAgent;
let running: RunningContainer;
let before: Traces;

beforeAll(async () => {
  emptyCheckpoints(node);
  agent = await startPathAgent({ keepLast: 1 });
  running = await startWorkPod({
    name: POD,
    labels: pathLabels,
    command: ['hog', '2000', String(SIZE_MB), '0', '--gaps'],
  });
  await filled();
  before = await tracesOn(node);
});
afterAll(async () => {
  await agent?.stop();
  await deletePod(POD);
});

function filled(): Promise<boolean> {
  return waitFor('its memory', async () => /^full$/m.test(await podLogs(POD)));
}

const victims = ['runc', 'criu', 'containerd', 'shim'] as const;
type Victim = (typeof victims)[number];

/** Whether anybody was there to be killed. */
async function kill(victim: Victim, shim: number): Promise<boolean> {
  if (victim === 'containerd') {
    await stopContainerd();
    await startContainerd();
    return true;
  }
  const pids = victim === 'shim' ? [shim] : pidsOf(victim);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  return pids.length > 0;
}

/** The parent of a container's first process. */
async function shimOf(containerId: string): Promise<number> {
  const status = readFileSync(`/proc/${await containerPid(node, containerId)}/status`, 'utf8');
  return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
}

/** Kills at that moment of a capture, and tells how it ended. */
async function killAt(victim: Victim, moment: Moment): Promise<Outcome> {
  // Looked for before: it takes longer than a dump.
  const shim = await shimOf(running.id);
  let last: Outcome | undefined;
  for (let tried = 0; tried < TRIES; tried++) {
    let over = false;
    const capture = agent.capture('containerd-race', running.id).finally(() => {
      over = true;
    });
    const killed = await reach(moment, { node, sizeMB: SIZE_MB, over: () => over }).then(
      () => kill(victim, shim),
      (error: unknown) => {
        if (error instanceof GiveUp) return false;
        throw error;
      },
    );
    last = await capture;
    if (killed) return last;
  }
  const why = last === undefined ? 'nothing' : tell(last);
  throw new Error(`${victim} was never there at the ${moment} of a dump; last: ${why}`);
}

/** A killed shim takes its containers with it; the kubelet starts new ones. */
async function nextLife(): Promise<boolean> {
  const now = await waitFor('the container to run', async () => {
    const found = await awaitRunning(POD);
    return (await isTask(found.id)) ? found : undefined;
  });
  const isNew = now.id !== running.id;
  running = now;
  if (isNew) await filled();
  return isNew;
}

async function isTask(id: string): Promise<boolean> {
  return new RegExp(`^${id}\\s.*RUNNING`, 'm').test(await ctr(node, ['tasks', 'ls']));
}

function tell(outcome: Outcome): string {
  if (outcome.kind === 'failed') return `failed: ${outcome.failure}`;
  return outcome.kind === 'refused' ? `refused: ${outcome.reason}` : outcome.kind;
}

const rows: Omit<FaultRow, 'halfArchives' | 'leftovers'>[] = [];

describe.each(victims)('%s killed', (victim) => {
  it.each(moments)('at the %s of a dump leaves nobody who stands still', async (moment) => {
    await nextLife();
    const startedAtMs = Date.now();
    const outcome = await killAt(victim, moment);
    const frozen = (await standsStill(node, running.id)) ? 1 : 0;
    const isNew = await nextLife();
    await ticksOn();
    const gaps = gapsIn(await podLogs(POD)).filter(({ atUnixMs }) => atUnixMs >= startedAtMs);
    const next = tell(await agent.capture('containerd-race', running.id));
    rows.push({
      fault: victim,
      moment,
      ended: tell(outcome) + (isNew ? ' (the container died with it)' : ''),
      stoodStillMs: isNew ? undefined : Math.max(0, ...gaps.map(({ ms }) => ms)),
      frozen,
      next,
    });
    expect({ frozen, next, isNew }).toEqual({
      frozen: 0,
      next: 'archived',
      isNew: victim === 'shim',
    });
  });
});

describe('all of these faults', () => {
  it('leave nothing in the end', async () => {
    const { named, ...counts } = await countTraces({ node, before, settleMs: SETTLE_KILLED_MS });
    const table = faultTable('Killed during a race through containerd, 384 MiB');
    for (const row of rows) table.add({ ...row, ...counts });
    table.print();
    expect(named).toEqual([]);
  });
});

async function ticksOn(): Promise<void> {
  const tick = lastTickIn(await podLogs(POD)) ?? -1;
  await waitFor('the next tick', async () => (lastTickIn(await podLogs(POD)) ?? -1) > tick);
}
