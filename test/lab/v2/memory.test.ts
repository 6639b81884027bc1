import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ArchiveRecord } from '../../../src/archive/index.ts';
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

const raced = { sequence: 'race', consistency: 'frozen', pause: 'freezer' };

/** Under emulation the guard may take longer than the 50 ms after which nothing is frozen. */
function inTime(dump: ArchiveRecord['dump']): boolean {
  return !/no-guard: .*no answer within/.test(dump?.sequenceReason ?? '');
}

describe(`memory on cgroup v2, ${lab.cgroup.driver} driver`, () => {
  // Slow and small: the emulated machine freezes and dumps 5 to 20 times slower than a real one.
  it('fires on the pod’s own limit and races by the freezer file against its OOM kill', async () => {
    running = await startLabAgent({
      rules: ruleText({
        name: 'oom-nearing',
        when: '{ memory: { above: 60% } }',
        capture: '{ freeze: { max: 2m } }',
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
    expect(record).toMatchObject({ backend: 'containerd', verified: 'complete' });
    expect(record.dump).toMatchObject(inTime(record.dump) ? raced : { pause: 'none' });
    expect(record.missing).toBeUndefined();
    expect(record.dump?.stoodStillMs).toBeGreaterThan(0);
    expect(record.timings.frozenMs).toBeGreaterThan(0);
    process.stdout.write(`\nThe race against the OOM kill: ${JSON.stringify(record.dump)}\n`);
    const { status } = await getPod('leak');
    expect(status.containerStatuses?.[0]?.restartCount).toBe(0);
  });
});
