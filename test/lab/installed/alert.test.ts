import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connect } from 'nats';
import {
  awaitPodEvent,
  deletePod,
  getPod,
  labInfo,
  nodeOf,
  startPod,
  workPod,
} from '../lib/index.ts';
import {
  agentStatus,
  archiveOf,
  installAnew,
  optedIn,
  proveArchive,
  recordsOf,
} from '../rig/index.ts';
import { scenario, scenarioSettings } from './settings.ts';

const lab = labInfo();
const node = nodeOf(lab);
const pod = 'two';

beforeAll(() => installAnew(scenarioSettings()));
afterAll(() => deletePod(pod));

/** As falcosidekick publishes it: no names, only the first 12 digits of the container's id. */
function alertFor(containerId: string): object {
  return {
    uuid: '0c7f2f0e-5a59-4f4e-9a53-0f7f0b1f7a11',
    output: 'A shell was spawned in a container with an attached terminal',
    priority: 'Critical',
    rule: 'Terminal shell in container',
    source: 'syscall',
    time: new Date().toISOString(),
    output_fields: { 'container.id': containerId.slice(0, 12), 'proc.cmdline': 'sh -i' },
  };
}

async function startTwo(): Promise<string> {
  const labels = { ...optedIn, ...scenario('alert') };
  const manifest = workPod({ name: pod, labels, command: ['counter'] }) as {
    spec: { containers: object[] };
  };
  const [work] = manifest.spec.containers;
  manifest.spec.containers.push({ ...work, name: 'second' });
  await startPod(manifest, pod, { container: 'work' });
  await startPod(manifest, pod, { container: 'second' });
  const { status } = await getPod(pod);
  const second = status.containerStatuses?.find(({ name }) => name === 'second');
  return second?.containerID?.split('://')[1] ?? '';
}

it('leads, in three copies on NATS, to one archive of the right container of two', async () => {
  const id = await startTwo();
  const connection = await connect({ servers: lab.nats.url });
  for (const payload of Array(3).fill(JSON.stringify(alertFor(id)))) {
    connection.publish('falco.critical.terminal_shell_in_container', payload);
  }
  await connection.drain();

  const record = await archiveOf(node, pod);
  await proveArchive(node, record);
  expect(record).toMatchObject({ container: 'second', containerId: id, retainClass: 'forensic' });
  expect(record.trigger.causes[0]?.signal.data).toMatchObject({ door: 'nats', shape: 'falco' });
  await awaitPodEvent(record.podUid, 'CheckpointCreated');
  expect((await agentStatus(node)).captures.waiting).toBe(0);
  expect(recordsOf(node, pod)).toHaveLength(1);
});
