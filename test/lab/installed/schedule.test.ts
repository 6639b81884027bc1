import { readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  askKubeletForCheckpoint,
  deletePod,
  labInfo,
  nodeOf,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
import { installAnew, optedIn, recordsOf } from '../rig/index.ts';
import { scenario, scenarioSettings } from './settings.ts';

const node = nodeOf(labInfo());
const pods = ['nightly-a', 'nightly-b'];
const notOurs = [
  'notes.txt',
  'checkpoint-old_ns-c-2020-01-01T00:00:00Z.tar',
  'checkpoint-link_ns-c-2020-01-01T00:00:00Z.tar',
];

beforeAll(() => installAnew(scenarioSettings()));
afterAll(async () => {
  for (const pod of pods) await deletePod(pod);
  for (const name of notOurs) rmSync(path.join(node.checkpointsDir, name), { force: true });
});

it('keeps the newest three of each group and touches nothing that is not its own', async () => {
  const foreign = notOurs.map((name) => path.join(node.checkpointsDir, name));
  const [notes = '', old = '', link = ''] = foreign;
  writeFileSync(notes, 'mine');
  writeFileSync(old, 'x');
  symlinkSync('/etc/passwd', link);
  for (const name of pods) await startWorkPod({ name, command: ['counter'] });
  const byHand = await askKubeletForCheckpoint(node, { pod: 'nightly-a' });
  const [handMade = ''] = (JSON.parse(byHand.body) as { items: string[] }).items;
  // Only now they are the schedule's.
  for (const name of pods) await deletePod(name);
  for (const name of pods) {
    const labels = { ...optedIn, ...scenario('schedule') };
    await startWorkPod({ name, labels, command: ['counter'] });
  }

  const made = new Map(pods.map((name) => [name, new Set<string>()]));
  await waitFor(
    'five archives of each',
    () => {
      for (const [name, archives] of made) {
        for (const { archive } of recordsOf(node, name)) archives.add(archive);
      }
      return [...made.values()].every(({ size }) => size >= 5);
    },
    { timeoutMs: 120_000, everyMs: 250 },
  );
  for (const name of pods) await deletePod(name);
  await waitFor('retention to have caught up', () =>
    pods.every((name) => recordsOf(node, name).length === 3),
  );

  const left = readdirSync(node.checkpointsDir);
  expect(left).toEqual(expect.arrayContaining([...notOurs, path.basename(handMade)]));
  for (const [name, archives] of made) {
    const ours = left.filter((file) => archives.has(file));
    expect(ours.sort()).toEqual(
      recordsOf(node, name)
        .map(({ archive }) => archive)
        .sort(),
    );
  }
});
