import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createAgentClient } from '../../../src/cli/agent-client.ts';
import { runProgram } from '../../../src/cli/program.ts';
import type { Decision } from '../../../src/rules/index.ts';
import { deletePod, labInfo, nodeOf, startWorkPod, waitFor } from '../lib/index.ts';
import { emptyCheckpoints, type LabAgent, optedIn, ruleText, startLabAgent } from '../rig/index.ts';

const node = nodeOf(labInfo());
let running: LabAgent | undefined;

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  await running?.stop();
  await Promise.all(['fat', 'sick', 'broken'].map((pod) => deletePod(pod)));
});

const full = ruleText({ name: 'full', when: '{ memory: { above: 80% } }' });
const live = ruleText({
  name: 'live',
  when: '{ event: { reason: Unhealthy, atLeast: 2, within: 1m } }',
  cooldown: '2s',
});
const loop = ruleText({
  name: 'loop',
  when: '{ crashLoop: { restarts: 1, within: 10m, capture: { after: 200ms } } }',
});
const often = ruleText({ name: 'often', when: '{ schedule: { cron: "*/3 * * * * *" } }' });

async function replay(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await runProgram(['rules', 'replay', ...argv], {
    color: false,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  });
  return { code, ...said };
}

it('what an agent recorded on a real node replays to the decisions that it made', async () => {
  const made: Decision[] = [];
  const path = (home: string) => join(home, 'recording.ndjson');
  const start = async (rules: string, home?: string) => {
    running = await startLabAgent({
      rules,
      home,
      change: (config) => ({
        ...config,
        record: { path: path(join(config.stateDir, '..')), maxBytes: 64 * 2 ** 20, redact: true },
      }),
    });
    running.agent.facts.listen((fact) => {
      if (fact.kind === 'decision') made.push(fact.decision);
    });
    return running;
  };
  const has = (rule: string, reason: string) =>
    waitFor(
      `${reason} of ${rule}`,
      async () => {
        if (made.some((one) => one.rule === rule && one.reason === reason)) return true;
        throw new Error(made.map((one) => `${one.rule} ${one.reason}`).join(', '));
      },
      { timeoutMs: 60_000, everyMs: 50 },
    );

  const first = await start([full, live, loop].join('---'));
  await startWorkPod({
    name: 'fat',
    labels: optedIn,
    command: ['hog', '200', '110', '0.5'],
    memory: '128Mi',
  });
  await startWorkPod({
    name: 'sick',
    labels: optedIn,
    command: ['counter'],
    container: {
      livenessProbe: { httpGet: { path: '/', port: 1 }, periodSeconds: 1, failureThreshold: 99 },
    },
  });
  await startWorkPod({ name: 'broken', labels: optedIn, command: ['sh', '-c', 'sleep 1; exit 3'] });
  await has('full', 'fired');
  await has('loop', 'fired');
  await createAgentClient(first.config.socket).json('POST', '/v1/pause');
  writeFileSync(join(first.config.rulesDir, 'often.yaml'), often);
  await has('often', 'fired');
  await has('live', 'fired');
  await createAgentClient(first.config.socket).json('POST', '/v1/resume');
  await first.stop();
  const second = await start([full, live, loop].join('---'), first.home);
  await has('often', 'cooldown');
  await second.stop();

  const file = path(first.home);
  const { code, out, err } = await replay(`${file}.1`, file, '--all');
  expect(err).toBe('');
  expect(out).toMatch(/\d{2,} decisions? are those that the agent made\n$/);
  expect(code).toBe(0);
  const head = /, (\d+) signals, (\d+) decisions/.exec(out);
  expect(Number(head?.[2])).toBeGreaterThanOrEqual(made.length);
  for (const rule of ['full', 'live', 'loop', 'often']) expect(out).toContain(` ${rule} `);
});
