import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { deletePod, getPod, labInfo, nodeOf, startWorkPod } from '../lib/index.ts';
import { archiveOf, installAnew, optedIn, proveArchive } from '../rig/index.ts';
import { scenario, scenarioSettings } from './settings.ts';

const node = nodeOf(labInfo());
const pod = 'crasher';

beforeAll(() => installAnew(scenarioSettings()));
afterAll(() => deletePod(pod));

it('captures a container that lives 3 s and dies, in its third life', async () => {
  await startWorkPod({
    name: pod,
    labels: { ...optedIn, ...scenario('crash-loop') },
    command: ['sh', '-c', 'sleep 3; exit 7'],
  });
  const record = await archiveOf(node, pod, 120_000);
  await proveArchive(node, record);
  expect(record.trigger.causes[0]?.rule).toBe('crash-loop');
  // Two lives end before the rule arms; the one it takes is still the one that runs, or ran last.
  const { status } = await getPod(pod);
  const [container] = status.containerStatuses ?? [];
  const lives = [container?.containerID, JSON.stringify(container?.lastState)].join();
  expect(container?.restartCount).toBeGreaterThanOrEqual(2);
  expect(lives).toContain(record.containerId);
});
