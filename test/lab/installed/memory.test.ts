import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deletePod, getPod, labInfo, startWorkPod } from '../lib/index.ts';
import { archiveOf, installAnew, optedIn, proveArchive } from '../rig/index.ts';
import { scenario, scenarioSettings } from './settings.ts';

const [first, second] = labInfo().nodes;
if (!first || !second) throw new Error('these tests need two nodes');

beforeAll(() => installAnew(scenarioSettings()));
afterAll(async () => {
  for (const via of ['cri', 'kubelet']) await deletePod(`leak-${via}`);
});

describe('a container of 256 MiB that grows at 50 MB/s', () => {
  it.each([
    { via: 'cri', node: first },
    { via: 'kubelet', node: second },
  ])('is captured on $node.name through $via before its OOM kill', async ({ via, node }) => {
    const pod = `leak-${via}`;
    await startWorkPod({
      name: pod,
      node: node.name,
      labels: { ...optedIn, ...scenario(`memory-${via}`) },
      command: ['hog', '50', '400', '1'],
      memory: '256Mi',
      spec: { restartPolicy: 'Never' },
    });
    const record = await archiveOf(node, pod);
    await proveArchive(node, record);
    expect(record).toMatchObject({ pod, backend: via, node: node.name, retainClass: 'crash' });
    const [cause] = record.trigger.causes;
    expect(cause?.rule).toBe(`memory-${via}`);
    expect(cause?.signal.text).toMatch(/memory \d+ % of 256 MiB/);
    // The pages of a container that was at 85 % of 256 MiB, taken while it lived.
    expect(record.pagesBytes).toBeGreaterThan(0.8 * 256 * 2 ** 20);
    const { status } = await getPod(pod);
    expect(status.containerStatuses?.[0]?.containerID).toContain(record.containerId);
    expect(status.containerStatuses?.[0]?.restartCount).toBe(0);
  });
});
