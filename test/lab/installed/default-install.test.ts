import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  awaitPodEvent,
  deletePod,
  kubectl,
  labInfo,
  nodeOf,
  podEvents,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
import {
  agentStatus,
  archiveOf,
  forgetAgents,
  install,
  installedIn,
  optedIn,
  recordsOf,
} from '../rig/index.ts';

const node = nodeOf(labInfo());
const pods = ['watched', 'plain', 'watched-later', 'plain-later'];

beforeAll(async () => {
  await forgetAgents();
  await install();
});
afterAll(async () => {
  for (const pod of pods) await deletePod(pod);
});

/** Fails its liveness probe every second, and is never killed for it. Returns its uid. */
async function startSick(name: string, labels: Record<string, string>): Promise<string> {
  const { pod } = await startWorkPod({
    name,
    labels,
    command: ['counter'],
    container: {
      livenessProbe: {
        httpGet: { path: '/', port: 8080 },
        periodSeconds: 1,
        failureThreshold: 500,
      },
    },
  });
  return pod.metadata.uid;
}

/** How many Events of pods that did not opt in the shipped rule has passed over. */
async function notSelected(): Promise<number> {
  const { rules } = await agentStatus(node);
  const rule = rules.loaded.find(({ id }) => id.includes('liveness'));
  return rule?.passedOver['not-selected'] ?? 0;
}

describe('a default install', () => {
  it('captures nothing, and tells on the pod what it would have captured', async () => {
    expect((await agentStatus(node)).mode).toBe('observe');
    const uid = await startSick('watched', optedIn);
    const events = await awaitPodEvent(uid, 'CheckpointSkipped');
    expect(events).toMatch(/observe/);
    expect(recordsOf(node, 'watched')).toEqual([]);
    const { recent } = await agentStatus(node);
    expect(recent.filter(({ target }) => target.includes('/watched/'))).not.toEqual([]);
  });

  it('passes over a pod without the label, and counts it', async () => {
    const uid = await startSick('plain', {});
    await waitFor('the pod to be passed over', async () => (await notSelected()) > 0);
    expect(await podEvents(uid)).not.toContain('Checkpoint');
  });

  it('captures what opted in, and nothing else, once its mode says enforce', async () => {
    const enforce = 'apiVersion: stillpoint.dev/v1alpha1\nkind: AgentConfig\nmode: enforce\n';
    const patch = JSON.stringify({ data: { 'stillpoint.yaml': enforce } });
    const target = ['configmap', 'stillpoint-config', '--namespace', installedIn];
    await kubectl(['patch', ...target, '--type', 'merge', '--patch', patch]);
    await waitFor('the mode to change', async () => (await agentStatus(node)).mode === 'enforce');

    const before = await notSelected();
    const plain = await startSick('plain-later', {});
    const watched = await startSick('watched-later', optedIn);
    await archiveOf(node, 'watched-later');
    await awaitPodEvent(watched, 'CheckpointCreated');
    await waitFor('the other pod to be passed over', async () => (await notSelected()) > before);
    expect(await podEvents(plain)).not.toContain('Checkpoint');
    for (const pod of ['plain', 'plain-later']) expect(recordsOf(node, pod)).toEqual([]);
  });
});
