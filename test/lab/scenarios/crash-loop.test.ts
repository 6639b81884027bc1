import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { deletePod, labInfo, nodeOf, startWorkPod } from '../lib/index.ts';
import {
  emptyCheckpoints,
  type LabAgent,
  optedIn,
  proveArchive,
  ruleText,
  startLabAgent,
} from '../rig/index.ts';

const node = nodeOf(labInfo());
let running: LabAgent | undefined;

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  await running?.stop();
  await deletePod('crasher');
});

it('captures a container that lives 3 s and dies in its next life', async () => {
  running = await startLabAgent({
    rules: ruleText({
      name: 'crash-loop',
      when: '{ crashLoop: { restarts: 2, within: 10m, capture: { after: 1s } } }',
    }),
  });
  const archived = running.archived('crasher');
  const dead: string[] = [];
  running.agent.facts.listen((fact) => {
    if (fact.kind !== 'signal' || fact.signal.kind !== 'podChanged') return;
    const ended = fact.signal.pod.containers[0]?.lastEnd?.containerId;
    if (ended !== undefined && !dead.includes(ended)) dead.push(ended);
  });
  await startWorkPod({
    name: 'crasher',
    labels: optedIn,
    command: ['sh', '-c', 'sleep 3; exit 7'],
  });
  const record = await archived;
  await proveArchive(node, record);
  expect(record.trigger.causes[0]?.rule).toBe('crash-loop');
  // Two lives had ended when it armed; what was captured is none of them.
  expect(dead.length).toBeGreaterThanOrEqual(2);
  expect(dead.slice(0, 2)).not.toContain(record.containerId);
});
