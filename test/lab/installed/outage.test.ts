import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  awaitPodEvent,
  daemonIsAlive,
  deletePod,
  labInfo,
  nodeOf,
  startApiServer,
  startKubelet,
  startWorkPod,
  stopApiServer,
  stopKubelet,
  waitFor,
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

const node = nodeOf(labInfo());
const pods = ['slow-leak', 'sick'];
const labels = { ...optedIn, ...scenario('outage') };

beforeAll(() => installAnew(scenarioSettings()));
afterAll(async () => {
  if (!daemonIsAlive('apiserver')) await startApiServer();
  for (const pod of pods) await deletePod(pod);
  // They would look again only after half a minute, and hold up the test that comes next.
  for (const { name } of labInfo().nodes) {
    await stopKubelet(name);
    await startKubelet(name);
  }
});

const podsSource = async () => {
  const { sources } = await agentStatus(node);
  return sources.find(({ name }) => name === 'pods')?.status.state;
};

it('goes on while the API server is killed, and neither repeats nor loses anything after', async () => {
  await startWorkPod({
    name: 'sick',
    labels,
    command: ['counter'],
    container: {
      livenessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 2, failureThreshold: 50 },
    },
  });
  await archiveOf(node, 'sick');
  // Needs 8 s to reach 80 % of 128 MiB: by then the API server is gone.
  await startWorkPod({
    name: 'slow-leak',
    labels,
    command: ['hog', '12', '400', '2'],
    memory: '128Mi',
  });
  await stopApiServer();
  const record = await archiveOf(node, 'slow-leak');
  expect(record.trigger.causes[0]?.rule).toBe('oom-nearing');
  expect(daemonIsAlive('apiserver')).toBe(false);
  await waitFor('the loss to be seen', async () => (await podsSource()) === 'degraded');
  await proveArchive(node, record);

  await startApiServer();
  await waitFor('the pods to be watched again', async () => (await podsSource()) === 'live');
  // The outcome that could not be told while it was away is told now.
  await awaitPodEvent(record.podUid, 'CheckpointCreated');
  // Listed anew, the same pods and Events fire no second time.
  const { recent } = await agentStatus(node);
  for (const pod of pods) {
    expect(recent.filter(({ target }) => target.includes(`/${pod}/`))).toHaveLength(1);
    expect(recordsOf(node, pod)).toHaveLength(1);
  }
});
