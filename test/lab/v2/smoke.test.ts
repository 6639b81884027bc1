import { existsSync, readFileSync } from 'node:fs';
import { afterAll, expect, test } from '@jest/globals';
import {
  askKubeletForCheckpoint,
  checkpointctl,
  containerPid,
  deletePod,
  getPod,
  labInfo,
  nodeOf,
  startWorkPod,
} from '../lib/index.ts';

const lab = labInfo();
const node = nodeOf(lab);
const pod = 'smoke';

afterAll(() => deletePod(pod));

test('a pod on cgroup v2 is captured by its kubelet, and goes on', async () => {
  expect(lab.cgroup.version).toBe(2);
  const { id } = await startWorkPod({ name: pod, command: ['counter'], memory: '64Mi' });
  const pid = await containerPid(node, id);
  const cgroup = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim();
  const inSlice = new RegExp(`^0::/kubepods\\.slice/.*/cri-containerd-${id}\\.scope$`);
  const inFolder = new RegExp(`^0::${node.cgroupRoot}/kubepods/burstable/pod[^/]+/${id}$`);
  expect(cgroup).toMatch(lab.cgroup.driver === 'systemd' ? inSlice : inFolder);

  const reply = await askKubeletForCheckpoint(node, { pod });

  expect(reply).toMatchObject({ status: 200 });
  const { items } = JSON.parse(reply.body) as { items: [string] };
  expect(existsSync(items[0])).toBe(true);
  expect(await checkpointctl(['show', items[0]])).toMatch(/work.*containerd/);
  const after = await getPod(pod);
  expect(after.status.containerStatuses?.[0]).toMatchObject({ restartCount: 0 });
});
