import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  deletePod,
  getPod,
  kubectl,
  labInfo,
  nodeOf,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
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
  await deletePod('sick');
});

it('captures on the Event of a liveness failure, before the kill, and tells it on the pod', async () => {
  running = await startLabAgent({
    rules: ruleText({
      name: 'liveness-failing',
      when: '{ event: { reason: Unhealthy, message: { re2: "^Liveness probe failed" } } }',
    }),
  });
  const archived = running.archived('sick');
  await startWorkPod({
    name: 'sick',
    labels: optedIn,
    command: ['counter'],
    container: {
      livenessProbe: {
        httpGet: { path: '/', port: 8080 },
        periodSeconds: 5,
        failureThreshold: 3,
      },
    },
  });
  const record = await archived;
  await proveArchive(node, record);
  expect(record.trigger.causes[0]?.signal.text).toContain('Liveness probe failed');
  const { status } = await getPod('sick');
  expect(status.containerStatuses?.[0]?.restartCount).toBe(0);
  expect(status.containerStatuses?.[0]?.containerID).toContain(record.containerId);
  await waitFor('the Event CheckpointCreated', async () => {
    const events = await kubectl(['get', 'events', '--field-selector=involvedObject.name=sick']);
    if (!events.includes('CheckpointCreated')) throw new Error(events);
    return events;
  });
});
