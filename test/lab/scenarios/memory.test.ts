import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deletePod, getPod, labInfo, nodeOf, startWorkPod } from '../lib/index.ts';
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
  running = undefined;
  // Also after a failure: a second try begins with a pod that does not live yet.
  for (const via of ['cri', 'kubelet']) await deletePod(`leak-${via}`);
});

describe('a container of 256 MiB that grows at 50 MB/s', () => {
  it.each(['cri', 'kubelet'] as const)(
    'is captured through %s before its OOM kill',
    async (via) => {
      const pod = `leak-${via}`;
      running = await startLabAgent({
        rules: ruleText({
          name: 'oom-nearing',
          when: '{ memory: { above: 85% } }',
          capture: `{ via: ${via} }`,
          retainClass: 'crash',
        }),
      });
      const archived = running.archived(pod);
      await startWorkPod({
        name: pod,
        labels: optedIn,
        command: ['hog', '50', '400', '1'],
        memory: '256Mi',
        spec: { restartPolicy: 'Never' },
      });
      const record = await archived;
      await proveArchive(node, record);
      expect(record).toMatchObject({ pod, container: 'work', backend: via, retainClass: 'crash' });
      const [cause] = record.trigger.causes;
      expect(cause?.rule).toBe('oom-nearing');
      expect(cause?.signal.kind).toBe('memory');
      expect(cause?.signal.text).toMatch(/memory \d+ % of 256 MiB/);
      // The pages of a container that was at 85 % of 256 MiB, taken while it lived.
      expect(record.pagesBytes).toBeGreaterThan(0.8 * 256 * 2 ** 20);
      const { status } = await getPod(pod);
      const [container] = status.containerStatuses ?? [];
      expect(container?.restartCount).toBe(0);
    },
  );
});
