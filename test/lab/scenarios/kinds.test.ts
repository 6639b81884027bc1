import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deletePod, getPod, kubectl, labInfo, nodeOf, startWorkPod } from '../lib/index.ts';
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
  await deletePod('subject');
});

async function startSubject(when: string, container: object = {}, spec: object = {}) {
  running = await startLabAgent({ rules: ruleText({ name: 'rule', when }) });
  const archived = running.archived('subject');
  const { pod } = await startWorkPod({
    name: 'subject',
    labels: optedIn,
    command: ['counter'],
    container,
    spec,
  });
  return { archived, pod };
}

describe('on a real node', () => {
  it("a sequence of probe failures is seen by the kubelet's counters, which no Event feeds", async () => {
    const steps = '[{ probe: { type: readiness } }, { probe: { type: readiness } }]';
    const readinessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 2 };
    const when = `{ sequence: { within: 1m, steps: ${steps} } }`;
    const { archived } = await startSubject(when, { readinessProbe });
    const record = await archived;
    await proveArchive(node, record);
    expect(record.trigger.causes[0]?.signal.text).toBe('readiness probe of work failed 1 time');
  });

  it('a probe rule fires at its failure, by whichever tells first', async () => {
    const livenessProbe = {
      httpGet: { path: '/', port: 8080 },
      periodSeconds: 3,
      failureThreshold: 4,
    };
    const when = '{ probe: { type: liveness, failures: 2 } }';
    const { archived } = await startSubject(when, { livenessProbe });
    const record = await archived;
    await proveArchive(node, record);
    const { status } = await getPod('subject');
    expect(status.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it('the eviction of a drain is told apart, and captured within the grace period', async () => {
    const grace = { terminationGracePeriodSeconds: 40 };
    const when = '{ terminating: { causes: [drain], reserve: 50% } }';
    const { archived } = await startSubject(when, {}, grace);
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'subject', namespace: 'default' },
    };
    const path = '/api/v1/namespaces/default/pods/subject/eviction';
    await kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
    const record = await archived;
    await proveArchive(node, record);
    expect(record.trigger.causes[0]?.signal.text).toContain('(EvictionByEvictionAPI)');
  });

  it('an annotation asks, where a rule allows it', async () => {
    const { archived } = await startSubject('{ request: { from: [annotation] } }');
    await kubectl(['annotate', 'pod', 'subject', 'stillpoint.dev/capture=ticket-42']);
    const record = await archived;
    await proveArchive(node, record);
    expect(record.trigger.causes[0]?.signal.text).toContain('ticket-42');
  });
});
