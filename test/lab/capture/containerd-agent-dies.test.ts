import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
  type PathAgent,
  pathLabels,
  pidsOf,
  ruleText,
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
/** From the signal until the container runs again. */
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

/** An agent of its own process, which races that pod once, some seconds from now. */
async function startAgentProcess(): Promise<{ home: string; process: ChildProcess }> {
  const rules = ruleText({
    name: 'once',
    when: '{ schedule: { cron: "*/2 * * * * *", timeZone: UTC } }',
    capture: '{ via: containerd, sequence: race, freeze: { max: 1m } }',
  });
  const { home, configFile } = await writeAgentFiles({ rules, node });
  child = spawn(process.execPath, [main, 'agent', '--config', configFile], { stdio: 'ignore' });
  return { home, process: child };
}

/** How long after that moment it still stood still, by its own ticker; and the whole stop. */
async function stillAfter(atMs: number): Promise<{ afterMs: number; stopMs: number }> {
  const tick = lastTickIn(await podLogs(POD)) ?? -1;
  await waitFor('it to run', async () => (lastTickIn(await podLogs(POD)) ?? -1) > tick);
  const gaps = gapsIn(await podLogs(POD)).filter(({ atUnixMs, ms }) => atUnixMs + ms >= atMs);
  const around = gaps.filter(({ atUnixMs }) => atUnixMs <= atMs + STILL_MS_MAX);
  return {
    afterMs: Math.max(0, ...around.map(({ atUnixMs, ms }) => atUnixMs + ms - atMs)),
    stopMs: Math.max(0, ...around.map(({ ms }) => ms)),
  };
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
      await moments[moment](freezer);
      const atMs = Date.now();
      struck.process.kill(signal);
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
      const traces = await countTraces({ node, before });
      const outcome = await next.capture('containerd-race', id);
      table.add({
        fault: `agent ${signal}`,
        moment: `${moment}; ran again after ${afterMs.toFixed(0)} ms`,
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
      expect(afterMs).toBeLessThanOrEqual(STILL_MS_MAX);
    },
  );
});
