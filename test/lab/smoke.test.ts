import { existsSync, statSync } from 'node:fs';
import { afterAll, describe, expect, test } from '@jest/globals';
import {
  askKubeletForCheckpoint,
  checkpointctl,
  deletePod,
  gapsIn,
  getObject,
  getPod,
  labInfo,
  lastTickIn,
  nodeOf,
  pathOnMachine,
  podLogs,
  startWorkPod,
  waitFor,
} from './lib/index.ts';

describe('the lab itself', () => {
  const lab = labInfo();
  const node = nodeOf(lab);
  const pod = 'smoke';

  afterAll(() => deletePod(pod));

  test('has only Ready nodes', async () => {
    interface Nodes {
      items: {
        metadata: { name: string };
        status: { conditions: { type: string; status: string }[] };
      }[];
    }
    const { items } = await getObject<Nodes>(['nodes']);
    const ready = items
      .filter(({ status }) =>
        status.conditions.some((c) => c.type === 'Ready' && c.status === 'True'),
      )
      .map(({ metadata }) => metadata.name);
    expect(ready).toEqual(lab.nodes.map(({ name }) => name));
  });

  test('runs a pod, and its kubelet makes an archive of it that other tools can read', async () => {
    const before = await startWorkPod({ name: pod, command: ['hog', '500', '64', '0', '--gaps'] });
    await waitFor('the memory to be full', async () => (await podLogs(pod)).includes('full'));

    const reply = await askKubeletForCheckpoint(node, { pod });

    expect(reply).toMatchObject({ status: 200 });
    const { items } = JSON.parse(reply.body) as { items: [string] };
    const archive = pathOnMachine(node, items[0]);
    expect(archive.startsWith(`${node.checkpointsDir}/checkpoint-${pod}_default-work-`)).toBe(true);
    expect(existsSync(archive)).toBe(true);
    expect(statSync(archive).size).toBeGreaterThan(64 * 2 ** 20);

    expect(await checkpointctl(['list', node.checkpointsDir])).toContain(pod);
    expect(await checkpointctl(['show', archive])).toMatch(/work.*lab\.local\/work:1.*containerd/);
    const inspected = await checkpointctl(['inspect', archive, '--ps-tree']);
    expect(inspected).toContain('Process tree');
    expect(inspected).toContain('hog');

    const after = await getPod(pod);
    expect(after.status.containerStatuses?.[0]).toMatchObject({
      restartCount: 0,
      containerID: before.status.containerID,
    });
  });

  test('lets a container tell how long it stood still, and that it went on', async () => {
    const log = await podLogs(pod);
    const longestMs = Math.max(...gapsIn(log).map(({ ms }) => ms));
    expect(longestMs).toBeGreaterThan(20);
    const tick = lastTickIn(log) ?? -1;
    await waitFor('the next tick', async () => (lastTickIn(await podLogs(pod)) ?? -1) > tick);
  });
});
