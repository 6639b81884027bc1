import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from 'nats';
import {
  apply,
  deletePod,
  getPod,
  labInfo,
  nodeOf,
  startPod,
  waitFor,
  workPod,
} from '../lib/index.ts';
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

const rules = ruleText({
  name: 'falco-critical',
  when: '{ alert: { shape: falco, match: [ { field: priority, severityAtLeast: Critical } ] } }',
  retainClass: 'forensic',
});

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  await running?.stop();
  await deletePod('two');
  await deletePod('away');
});

/** As falcosidekick publishes it: no names, only the first 12 digits of the container's id. */
function alertFor(containerId: string): object {
  return {
    uuid: '7b1c51a1-9f4e-4c6e-8a6e-0c6a3c1f5a11',
    output: 'A shell was spawned in a container with an attached terminal',
    priority: 'Critical',
    rule: 'Terminal shell in container',
    source: 'syscall',
    time: new Date().toISOString(),
    output_fields: {
      'container.id': containerId.slice(0, 12),
      'k8s.ns.name': null,
      'k8s.pod.name': null,
      'proc.cmdline': 'sh -i',
    },
  };
}

async function startTwo(): Promise<Record<string, string>> {
  const second = { name: 'second', image: 'lab.local/work:1', imagePullPolicy: 'Never' };
  const manifest = workPod({ name: 'two', labels: optedIn, command: ['counter'] }) as {
    spec: { containers: object[] };
  };
  manifest.spec.containers.push({ ...second, command: ['counter'] });
  await startPod(manifest, 'two', { container: 'work' });
  await startPod(manifest, 'two', { container: 'second' });
  const { status } = await getPod('two');
  return Object.fromEntries(
    (status.containerStatuses ?? []).map(({ name, containerID = '' }) => [
      name,
      containerID.split('://')[1] ?? '',
    ]),
  );
}

async function publish(...payloads: (object | string)[]): Promise<void> {
  const connection = await connect({ servers: lab.nats.url });
  for (const payload of payloads) {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    connection.publish('falco.critical.terminal_shell_in_container', text);
  }
  await connection.drain();
}

describe('a Falco alert on NATS', () => {
  it('that names no node is counted as elsewhere where the API server knows its pod on another', async () => {
    const there = { name: 'away', namespace: 'default', labels: optedIn };
    const container = { name: 'work', image: 'lab.local/work:1' };
    const spec = { nodeName: 'another-node', containers: [container] };
    await apply({ apiVersion: 'v1', kind: 'Pod', metadata: there, spec });
    running = await startLabAgent({ rules });
    const { facts } = running.agent;
    const unknown = facts.next('decision', ({ decision }) => decision.rule === 'falco-critical');
    const pods = [{ 'k8s.pod.name': 'away' }, { 'k8s.pod.name': 'nowhere' }];
    await publish(
      ...pods.map((pod) => ({
        ...alertFor(''),
        output_fields: { 'k8s.ns.name': 'default', ...pod },
      })),
    );
    // Both were asked about; only of the pod that nobody has a decision is told.
    expect((await unknown).decision).toMatchObject({
      reason: 'target-unknown',
      detail: 'no pod default/nowhere; it names no node, so it may be about another one',
    });
    const { agent } = running;
    await waitFor('the other alert to be counted', async () => {
      const { rules } = await agent.status();
      return rules.loaded[0]?.passedOver.elsewhere === 1;
    });
  });

  it('leads to one archive of the right container of two, also in seven copies', async () => {
    const ids = await startTwo();
    running = await startLabAgent({ rules });
    const archived = running.archived('two');
    const alert = alertFor(ids.second ?? '');
    await publish(...Array(7).fill(alert));
    const record = await archived;
    await proveArchive(node, record);
    expect(record).toMatchObject({ container: 'second', containerId: ids.second });
    expect(record.trigger.causes[0]?.signal.data).toMatchObject({ door: 'nats', shape: 'falco' });
    expect(record.trigger.causes[0]?.signal.data.fields).toEqual(
      expect.objectContaining({ rule: 'Terminal shell in container', priority: 'Critical' }),
    );
    const archives = readdirSync(node.checkpointsDir).filter((name) => name.endsWith('.tar'));
    expect(archives).toEqual([record.archive]);
  });

  it('is found after garbage and after one that is too large', async () => {
    const ids = await startTwo();
    running = await startLabAgent({ rules });
    const archived = running.archived('two');
    await publish('this is no JSON', '{"output":"no rule"}', `"${'x'.repeat(900_000)}"`);
    await publish(alertFor(ids.work ?? ''));
    expect((await archived).container).toBe('work');
    const { sources } = await running.agent.status();
    const alerts = sources.find(({ name }) => name === 'alerts-nats');
    expect(alerts?.dropped).toMatchObject({ 'not-json': 1 });
  });
});
