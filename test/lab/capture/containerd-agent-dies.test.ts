import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AgentStatus } from '../../../src/agent/index.ts';
import { createAgentClient } from '../../../src/cli/agent-client.ts';
import {
  deletePod,
  gapsIn,
  labInfo,
  lastTickIn,
  nodeOf,
  podLogs,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
import {
  countTraces,
  emptyCheckpoints,
  faultTable,
  freezerOf,
  openAlerts,
  type PathAgent,
  pathLabels,
  pathRules,
  pidsOf,
  SETTLE_KILLED_MS,
  standsStill,
  startPathAgent,
  tracesOn,
  writeAgentFiles,
} from '../rig/index.ts';

/*
 * The agent dies, or hangs, while it holds a container still: the guard process lets it run.
 */

const node = nodeOf(labInfo());
const main = join(import.meta.dirname, '../../../src/cli/main.ts');
const POD = 'held';
const SIZE_MB = 256;
/**
 * From the signal until the container runs again; where CRIU is at work, from its end: it cannot be
 * cut short, and holds the container by itself.
 */
const STILL_MS_MAX = 1_000;
const ENDED = ['recorded', 'failed', 'refused'];
const table = faultTable('The agent dies or hangs during a race through containerd, 256 MiB');

let child: ChildProcess | undefined;
let next: PathAgent | undefined;

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  child?.kill('SIGKILL');
  await next?.stop();
  next = child = undefined;
  await deletePod(POD);
});
afterAll(() => table.print());

/** When the agent is struck; all of them between its freeze and its thaw. */
const moments = {
  'before CRIU': async (freezer: () => string) => {
    await waitFor('a freeze', () => freezer() === 'frozen', { everyMs: 1 });
  },
  'while CRIU dumps': async () => {
    await waitFor('CRIU', () => pidsOf('criu').length > 0, { everyMs: 1 });
  },
} as const;

async function startHog(): Promise<string> {
  const { id } = await startWorkPod({
    name: POD,
    labels: pathLabels,
    command: ['hog', '2000', String(SIZE_MB), '0', '--gaps'],
  });
  await waitFor('its memory', async () => /^full$/m.test(await podLogs(POD)));
  return id;
}

/** An agent of its own process, whose guard process is there. */
async function startAgentProcess(): Promise<{ home: string; process: ChildProcess }> {
  const { home, configFile } = await writeAgentFiles({ rules: pathRules(), node });
  child = spawn(process.execPath, [main, 'agent', '--config', configFile], { stdio: 'ignore' });
  const client = createAgentClient(join(home, 'agent.sock'));
  await waitFor('the agent and its guard', async () => {
    const { guard } = await client.json<AgentStatus>('GET', '/v1/status');
    return guard.state === 'live';
  });
  return { home, process: child };
}

/** How long after that moment it still stood still, by its own ticker; and the whole stop. */
async function stillAfter(atMs: number): Promise<{ afterMs: number; stopMs: number }> {
  const tick = lastTickIn(await podLogs(POD)) ?? -1;
  await waitFor('it to run', async () => (lastTickIn(await podLogs(POD)) ?? -1) > tick);
  const gaps = gapsIn(await podLogs(POD)).filter(({ atUnixMs, ms }) => atUnixMs + ms >= atMs);
  // The one that the signal fell into; a busy machine makes others.
  const [stop] = gaps.filter(({ atUnixMs }) => atUnixMs <= atMs);
  if (stop === undefined) return { afterMs: 0, stopMs: 0 };
  return { afterMs: stop.atUnixMs + stop.ms - atMs, stopMs: stop.ms };
}

async function triggersEnded(agent: PathAgent): Promise<string> {
  return waitFor('the trigger to end', async () => {
    const states = (await agent.agent.status()).recent.map(({ state }) => state);
    if (states.length > 0 && states.every((state) => ENDED.includes(state))) return states.join();
    throw new Error(states.join(', '));
  });
}

describe.each(['SIGKILL', 'SIGSTOP'] as const)('an agent that gets %s', (signal) => {
  it.each(Object.keys(moments) as (keyof typeof moments)[])(
    '%s holds its container for no longer than a second',
    async (moment) => {
      const id = await startHog();
      const before = await tracesOn(node);
      const freezer = await freezerOf(node, id);
      const struck = await startAgentProcess();
      const alerts = await openAlerts();
      alerts.alert('containerd-race', id);
      await moments[moment](freezer);
      const atMs = Date.now();
      struck.process.kill(signal);
      await waitFor('CRIU to end', () => pidsOf('criu').length === 0, { everyMs: 5 });
      const criuMs = Date.now() - atMs;
      await alerts.close();
      const { afterMs, stopMs } = await stillAfter(atMs);
      const frozen = (await standsStill(node, id)) ? 1 : 0;
      if (signal === 'SIGSTOP') {
        const ended = once(struck.process, 'exit');
        struck.process.kill('SIGCONT');
        struck.process.kill('SIGTERM');
        await ended;
      }
      next = await startPathAgent({ home: struck.home, keepLast: 1 });
      const ended = await triggersEnded(next);
      const traces = await countTraces({ node, before, settleMs: SETTLE_KILLED_MS });
      const outcome = await next.capture('containerd-race', id);
      table.add({
        fault: `agent ${signal}`,
        moment: `${moment}; ran again after ${afterMs.toFixed(0)} ms, CRIU until ${criuMs} ms`,
        ended,
        stoodStillMs: stopMs,
        frozen,
        ...traces,
        next: outcome.kind,
      });
      expect({ frozen, ...traces, next: outcome.kind }).toEqual({
        ...{ frozen: 0, halfArchives: 0, leftovers: 0, named: [] },
        next: 'archived',
      });
      expect(afterMs).toBeLessThanOrEqual(criuMs + STILL_MS_MAX);
    },
  );
});
