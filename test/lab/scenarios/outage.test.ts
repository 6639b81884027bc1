import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  daemonIsAlive,
  deletePod,
  kubectl,
  labInfo,
  nodeOf,
  startApiServer,
  startWorkPod,
  stopApiServer,
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
const pods = ['slow-leak', 'sick'];
let running: LabAgent | undefined;

const rules = `${ruleText({ name: 'oom-nearing', when: '{ memory: { above: 80% } }' })}---${ruleText(
  {
    name: 'unhealthy',
    when: '{ event: { reason: Unhealthy } }',
  },
)}`;

beforeEach(() => emptyCheckpoints(node));
afterEach(async () => {
  if (!daemonIsAlive('apiserver')) await startApiServer();
  await running?.stop();
  for (const pod of pods) await deletePod(pod);
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it('goes on capturing while the API server is killed for 20 s, and repeats or loses nothing after', async () => {
  running = await startLabAgent({ rules });
  const { facts } = running.agent;
  const fired: string[] = [];
  facts.listen((fact) => {
    if (fact.kind !== 'decision' || fact.decision.verdict !== 'fire') return;
    const pod = fact.decision.target?.pod ?? '';
    if (pods.includes(pod)) fired.push(`${fact.decision.rule} ${pod}`);
  });
  const sickArchived = running.archived('sick');
  await startWorkPod({
    name: 'sick',
    labels: optedIn,
    command: ['counter'],
    container: {
      livenessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 2, failureThreshold: 50 },
    },
  });
  await sickArchived;
  const leakArchived = running.archived('slow-leak');
  // Needs 8 s to reach 80 % of 128 MiB: by then the API server is gone.
  await startWorkPod({
    name: 'slow-leak',
    labels: optedIn,
    command: ['hog', '12', '400', '2'],
    memory: '128Mi',
  });
  await stopApiServer();
  const record = await leakArchived;
  expect(
    (await running.agent.status()).sources.find(({ name }) => name === 'pods')?.status.state,
  ).toBe('degraded');
  await proveArchive(node, record);
  await sleep(20_000);
  const live = facts.next(
    'source',
    ({ source, status }) => source === 'pods' && status.state === 'live',
    60_000,
  );
  await startApiServer();
  await live;
  // New signs are seen again: a first pod Event after the outage fires once for the new pod.
  await kubectl(['label', 'pod', 'sick', 'seen=again']);
  await facts.next(
    'signal',
    ({ signal }) => signal.kind === 'podChanged' && signal.pod.labels.seen === 'again',
    60_000,
  );
  await sleep(3_000);
  // Cooldowns hold, so a decision that was made twice would show as a second firing.
  expect(fired.sort()).toEqual(['oom-nearing slow-leak', 'unhealthy sick']);
});
