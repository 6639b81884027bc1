import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createNodeProbe, openCgroups } from '../../../src/node/index.ts';
import {
  containerPid,
  deletePod,
  labInfo,
  lastTickIn,
  nodeOf,
  podLogs,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
import {
  emptyCheckpoints,
  type LabAgent,
  optedIn,
  ruleText,
  startLabAgent,
  writeAgentFiles,
} from '../rig/index.ts';

const node = nodeOf(labInfo());
const cgroups = openCgroups();
const probe = createNodeProbe({ cgroups });
const ENDED = ['recorded', 'failed', 'refused'];
const main = join(import.meta.dirname, '../../../src/cli/main.ts');

let child: ChildProcess | undefined;
let running: LabAgent | undefined;

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  child?.kill('SIGKILL');
  await running?.stop();
  running = undefined;
  await deletePod('big');
});

/** The agent as a process of its own, so that it can be killed. */
function startProcess(configFile: string): ChildProcess {
  child = spawn(process.execPath, [main, 'agent', '--config', configFile], { stdio: 'ignore' });
  return child;
}

/** Reads the container's freezer; found once, because a freeze lasts only a second or two. */
async function freezerOf(containerId: string): Promise<() => string> {
  const cgroup = cgroups.locate({ pid: await containerPid(node, containerId) });
  if (!cgroup) throw new Error(`no cgroup of ${containerId}`);
  return () => probe.cgroups.freezerState(cgroup) ?? 'gone';
}

function archives(): string[] {
  return readdirSync(node.checkpointsDir).filter((name) => name.endsWith('.tar'));
}

describe.each(['cri', 'kubelet'] as const)('in the middle of a capture through %s', (via) => {
  const rules = ruleText({
    name: 'once',
    when: '{ schedule: { cron: "*/2 * * * * *", timeZone: UTC } }',
    capture: `{ via: ${via} }`,
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    '%s leaves the container running, and no archive that is not whole',
    async (signal) => {
      const { id } = await startWorkPod({
        name: 'big',
        labels: optedIn,
        command: ['hog', '1000', '700', '0'],
      });
      await waitFor('its memory', async () => {
        const ticks = lastTickIn(await podLogs('big'));
        if (ticks === undefined) throw new Error('still growing');
        return ticks;
      });
      const freezer = await freezerOf(id);
      const files = await writeAgentFiles({ rules, node });
      const process_ = startProcess(files.configFile);
      const ended = new Promise<number | null>((resolve) => process_.once('exit', resolve));
      await waitFor('a freeze', () => freezer() === 'frozen', { everyMs: 2, timeoutMs: 60_000 });
      process_.kill(signal);
      await ended;
      if (signal === 'SIGTERM') expect(freezer()).toBe('thawed');
      // The next agent thaws what was left, and takes up the trigger or ends it.
      writeFileSync(
        join(files.home, 'rules', 'rules.yaml'),
        ruleText({ name: 'none', when: '{ event: { reason: Never } }' }),
      );
      running = await startLabAgent({
        rules: ruleText({ name: 'none', when: '{ event: { reason: Never } }' }),
        home: files.home,
      });
      await waitFor(
        'the container to run',
        async () => {
          const before = lastTickIn(await podLogs('big')) ?? 0;
          await new Promise((resolve) => setTimeout(resolve, 1_500));
          const after = lastTickIn(await podLogs('big')) ?? 0;
          if (after <= before) throw new Error(`tick ${after}`);
          return after;
        },
        { timeoutMs: 60_000 },
      );
      expect(freezer()).toBe('thawed');
      const { agent } = running;
      await waitFor(
        'the trigger to end',
        async () => {
          const states = (await agent.status()).recent.map(({ state }) => state);
          if (states.length === 0 || !states.every((state) => ENDED.includes(state))) {
            throw new Error(states.join(', '));
          }
          return states;
        },
        { timeoutMs: 120_000 },
      );
      // What is listed as ours is whole; a rest that is still being looked at is foreign.
      for (const name of archives()) {
        const record = join(node.checkpointsDir, '.stillpoint', 'records', `${name}.json`);
        if (
          readdirSync(join(node.checkpointsDir, '.stillpoint', 'records')).includes(`${name}.json`)
        ) {
          expect(JSON.parse(readFileSync(record, 'utf8')).verified).toBe('complete');
        }
      }
    },
  );
});
