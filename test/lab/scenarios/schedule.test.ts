import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { askKubeletForCheckpoint, deletePod, labInfo, nodeOf, startWorkPod } from '../lib/index.ts';
import { emptyCheckpoints, type LabAgent, optedIn, ruleText, startLabAgent } from '../rig/index.ts';

const node = nodeOf(labInfo());
const pods = ['nightly-a', 'nightly-b'];
let running: LabAgent | undefined;

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  await running?.stop();
  for (const pod of pods) await deletePod(pod);
});

const rules = `${ruleText({
  name: 'often',
  when: '{ schedule: { cron: "*/4 * * * * *", timeZone: UTC } }',
  cooldown: '0s',
  retainClass: 'scheduled',
})}---
apiVersion: stillpoint.dev/v1alpha1
kind: RetentionPolicy
metadata: { name: newest-three }
spec:
  select: { classes: [scheduled] }
  groupBy: [namespace, pod, container]
  keep: { last: 3 }
`;

it('keeps the newest three of each group and touches nothing else in the directory', async () => {
  for (const pod of pods) {
    await startWorkPod({ name: pod, labels: optedIn, command: ['counter'] });
  }
  const byHand = await askKubeletForCheckpoint(node, { pod: 'nightly-a' });
  expect(byHand.status).toBe(200);
  writeFileSync(join(node.checkpointsDir, 'notes.txt'), 'mine');
  writeFileSync(join(node.checkpointsDir, 'checkpoint-old_ns-c-2020-01-01T00:00:00Z.tar'), 'x');
  symlinkSync(
    '/etc/passwd',
    join(node.checkpointsDir, 'checkpoint-link_ns-c-2020-01-01T00:00:00Z.tar'),
  );
  const foreign = readdirSync(node.checkpointsDir).sort();

  running = await startLabAgent({ rules });
  const made: string[] = [];
  running.agent.facts.listen((fact) => {
    if (fact.kind === 'ended' && fact.outcome.kind === 'archived') {
      made.push(fact.outcome.record.archive);
    }
  });
  // Five of each: two of each must go.
  while (
    pods.some(
      (pod) => made.filter((name) => name.includes(`_default-`) && name.includes(pod)).length < 5,
    )
  ) {
    await running.agent.facts.next('swept', undefined, 60_000);
  }
  await running.stop();
  running = undefined;

  const left = readdirSync(node.checkpointsDir).filter((name) => name !== '.stillpoint');
  for (const name of foreign) expect(left).toContain(name);
  for (const pod of pods) {
    const ofPod = made.filter((name) => name.includes(pod));
    const kept = left.filter((name) => ofPod.includes(name)).sort();
    expect(kept).toEqual(ofPod.slice(-3).sort());
  }
});
