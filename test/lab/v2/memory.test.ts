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

const lab = labInfo();
const node = nodeOf(lab);
let running: LabAgent | undefined;

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  await running?.stop();
  await deletePod('leak');
});

describe(`memory on cgroup v2, ${lab.cgroup.driver} driver`, () => {
  // Slow and small: the emulated machine freezes and dumps 5 to 20 times slower than a real one.
  it('fires on the pod’s own limit and captures the container before its OOM kill', async () => {
    running = await startLabAgent({
      rules: ruleText({
        name: 'oom-nearing',
        when: '{ memory: { above: 60% } }',
        capture: '{ via: cri, freeze: { max: 2m } }',
      }),
    });
    const archived = running.archived('leak', 300_000);
    await startWorkPod({
      name: 'leak',
      labels: optedIn,
      command: ['hog', '1.5', '200', '2'],
      memory: '64Mi',
      spec: { restartPolicy: 'Never' },
    });
    const record = await archived;
    await proveArchive(node, record);
    const [cause] = record.trigger.causes;
    expect(cause?.rule).toBe('oom-nearing');
    expect(cause?.signal.text).toMatch(/memory 6\d % of 64 MiB/);
    expect(record.pagesBytes).toBeGreaterThan(0.55 * 64 * 2 ** 20);
    expect(record.timings.frozenMs).toBeGreaterThan(0);
    const { status } = await getPod('leak');
    expect(status.containerStatuses?.[0]?.restartCount).toBe(0);
  });
});
