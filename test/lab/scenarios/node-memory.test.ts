import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createAgentClient } from '../../../src/cli/agent-client.ts';
import { openCgroups } from '../../../src/node/index.ts';
import type { ContainerExplanation } from '../../../src/rules/index.ts';
import {
  apply,
  deletePod,
  getPod,
  kubectl,
  labInfo,
  nodeOf,
  podLogs,
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

const MIB = 2 ** 20;
const node = nodeOf(labInfo());
const pods = ['within', 'modest', 'important'];
let running: LabAgent | undefined;

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await Promise.all(pods.map((name) => deletePod(name)));
});

describe('a node that runs out of memory', () => {
  it('has as much left as its kubelet counts', async () => {
    const path = `/api/v1/nodes/${node.name}/proxy/stats/summary`;
    // The kubelet's number is up to ten seconds old, and others use this machine too.
    await waitFor('the kubelet to have read what we read', async () => {
      const { memory } = JSON.parse(await kubectl(['get', '--raw', path])).node;
      const own = readNode();
      expect(own.capacityBytes).toBe(memory.availableBytes + memory.workingSetBytes);
      expect(Math.abs(own.availableBytes - memory.availableBytes)).toBeLessThan(512 * MIB);
      return true;
    });
  });

  it('has the pod captured that its kubelet would evict first, however little that uses', async () => {
    await apply({
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: 'important' },
      value: 1_000,
    });
    await Promise.all([
      hold({ name: 'within', mib: 150, request: '512Mi' }),
      hold({ name: 'modest', mib: 40, request: '16Mi' }),
    ]);
    const availableBelow = `${Math.floor(readNode().availableBytes / MIB) - 150}Mi`;
    running = await startLabAgent({
      rules: ruleText({
        name: 'node-memory-low',
        when: `{ memory: { of: node, availableBelow: ${availableBelow} } }`,
        retainClass: 'crash',
      }),
    });
    const archived = running.archived('modest', 20_000);
    // It uses most, and more than it requests: only its priority puts it behind.
    await hold({ name: 'important', mib: 600, spec: { priorityClassName: 'important' } });
    const record = await archived;
    await proveArchive(node, record);
    expect(record).toMatchObject({ pod: 'modest', container: 'work', retainClass: 'crash' });
    const [cause] = record.trigger.causes;
    expect(cause).toMatchObject({ rule: 'node-memory-low', signal: { kind: 'nodeMemory' } });
    expect(cause?.detail).toMatch(/available on the node < .*above its request, priority 0; first/);
    const { status } = await getPod('modest');
    expect(status.containerStatuses?.[0]?.restartCount).toBe(0);
    // One capture for each eviction: the others are left alone while the first one runs.
    const query = { namespace: 'default', pod: 'important' };
    const client = createAgentClient(running.config.socket);
    const [one] = await client.json<ContainerExplanation[]>('POST', '/v1/explain', query);
    expect(one?.rules[0]).toMatchObject({ rule: 'node-memory-low', answer: 'not-rearmed' });
  });
});

function readNode() {
  const files = openCgroups().openNodeMemory();
  const read = files.read();
  files.close();
  if (typeof read === 'string') throw new Error(`the memory of the node is ${read}`);
  return read;
}

async function hold(pod: { name: string; mib: number; request?: string; spec?: object }) {
  const { name, mib, request, spec } = pod;
  await startWorkPod({
    name,
    labels: optedIn,
    command: ['hog', '400', String(mib), '0'],
    spec: { restartPolicy: 'Never', ...spec },
    ...(request && { container: { resources: { requests: { memory: request } } } }),
  });
  await waitFor(`${name} to hold its memory`, async () => {
    const logs = await podLogs(name);
    return logs.includes('full');
  });
}
