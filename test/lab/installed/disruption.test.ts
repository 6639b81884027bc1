import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  containerPid,
  deletePod,
  getObject,
  getPod,
  kubectl,
  type LabNode,
  labInfo,
  startContainerd,
  startKubelet,
  stopContainerd,
  stopKubelet,
  waitFor,
} from '../lib/index.ts';
import { agentPodOn, installAnew, installedIn, uninstall } from '../rig/index.ts';
import {
  captureBegins,
  endOf,
  expectRuns,
  expectWholeArchives,
  expectWorksOn,
  midCaptureSettings,
  replaceAgent,
  type Subject,
  startBig,
} from './mid-capture.ts';

const [first, second] = labInfo().nodes;
if (!first || !second) throw new Error('these tests need two nodes');
const onBoth = [
  { node: first, via: 'cri' },
  { node: second, via: 'kubelet' },
] as const;
const started = new Set<string>();

beforeAll(() => installAnew(midCaptureSettings()));
afterAll(async () => {
  await kubectl(['uncordon', first.name, second.name]);
  for (const pod of started) await deletePod(pod);
});

/** On the first node through cri, on the second through the kubelet; both are being dumped now. */
async function midCapture(name: string): Promise<Subject[]> {
  return Promise.all(
    onBoth.map(async ({ node, via }) => {
      const pod = `${name}-${via}`;
      started.add(pod);
      const subject = await startBig(node, via, pod);
      await captureBegins(subject);
      return subject;
    }),
  );
}

const onEach = <T>(subjects: readonly Subject[], act: (subject: Subject) => Promise<T>) =>
  Promise.all(subjects.map(act));

/** What holds after every disruption. `next` is a container that nobody captured before. */
async function expectWorksAfter(subjects: readonly Subject[], next: string): Promise<void> {
  await onEach(subjects, async ({ node, via, pod }) => {
    const another = `${next}-${via}`;
    started.add(another);
    await expectWorksOn(node, via, another);
    await expectWholeArchives(node, [pod, another]);
    await deletePod(pod);
  });
}

/** The process of the agent, as the machine sees it. */
async function agentPid(node: LabNode): Promise<number> {
  const { status } = await getPod(await agentPodOn(node), installedIn);
  const id = status.containerStatuses?.[0]?.containerID?.split('://')[1] ?? '';
  return containerPid(node, id);
}

const byForce = ['--grace-period=0', '--force'];
const deleteAgent = async (node: LabNode, ...flags: string[]) =>
  kubectl(['delete', 'pod', '--namespace', installedIn, await agentPodOn(node), ...flags]);

describe('in the middle of a capture', () => {
  it('a kubelet that is killed ends the capture that it was asked for, and no other', async () => {
    const subjects = await midCapture('kubelet-dies');
    await onEach(subjects, ({ node }) => stopKubelet(node.name));
    await onEach(subjects, ({ node }) => startKubelet(node.name));
    expect(await onEach(subjects, endOf)).toEqual(['archived', 'unreachable']);
    await onEach(subjects, expectRuns);
    await expectWorksAfter(subjects, 'kubelet-back');
  });

  // containerd takes a task that it finds paused at its start for unknown, and the kubelet then
  // starts the container anew (containerd, internal/cri/server/restart.go). That is not ours to
  // change; but nothing may stand still.
  it('a containerd that is killed leaves nothing frozen', async () => {
    const subjects = await midCapture('containerd-dies');
    await onEach(subjects, ({ node }) => stopContainerd(node.name));
    await onEach(subjects, ({ node }) => startContainerd(node.name));
    expect(await onEach(subjects, endOf)).toEqual(['unreachable', 'unreachable']);
    await onEach(subjects, expectRuns);
    await expectWorksAfter(subjects, 'containerd-back');
  });

  it('an agent whose pod is deleted ends its capture first, unless it is forced', async () => {
    const subjects = await midCapture('pod-deleted');
    await onEach(subjects, ({ node, via }) =>
      replaceAgent(node, () => deleteAgent(node, ...(via === 'cri' ? [] : byForce))),
    );
    const [asked, forced] = await onEach(subjects, endOf);
    expect(asked).toBe('archived');
    // It has two seconds then.
    expect(['archived', 'cancelled']).toContain(forced);
    await onEach(subjects, expectRuns);
    await expectWorksAfter(subjects, 'pod-new');
  });

  it('an agent that is killed leaves the thaw to the next one', async () => {
    const pids = await Promise.all([agentPid(first), agentPid(second)]);
    const subjects = await midCapture('agent-dies');
    await onEach(subjects, ({ node }) =>
      replaceAgent(node, async () => {
        const pid = pids[node === first ? 0 : 1];
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      }),
    );
    expect(await onEach(subjects, endOf)).toEqual(['cancelled', 'cancelled']);
    await onEach(subjects, expectRuns);
    await expectWorksAfter(subjects, 'agent-new');
  });

  it('a rollout lets each node end what it had begun', async () => {
    const subjects = await midCapture('rollout');
    const ours = ['--namespace', installedIn, 'daemonset/stillpoint-agent'];
    const rollOut = kubectl(['rollout', 'restart', ...ours]);
    await onEach(subjects, ({ node }) => replaceAgent(node, () => rollOut));
    expect(await onEach(subjects, endOf)).toEqual(['archived', 'archived']);
    await onEach(subjects, expectRuns);
    await expectWorksAfter(subjects, 'rolled-out');
  });

  it('a drain evicts the pod and not the agent; its archive is whole, or there is none', async () => {
    const subjects = await midCapture('drained');
    const agents = await onEach(subjects, ({ node }) => agentPodOn(node));
    await onEach(subjects, ({ node }) =>
      kubectl(['drain', node.name, '--ignore-daemonsets', '--force', '--timeout=100s']),
    );
    for (const end of await onEach(subjects, endOf)) {
      expect(['archived', 'died-during-capture']).toContain(end);
    }
    for (const { freezer } of subjects) expect(freezer()).toBe('gone');
    expect(await onEach(subjects, ({ node }) => agentPodOn(node))).toEqual(agents);
    await kubectl(['uncordon', first.name, second.name]);
    await expectWorksAfter(subjects, 'uncordoned');
  });

  it('an uninstall lets it end: the containers run, and each archive has its record', async () => {
    const subjects = await midCapture('uninstalled');
    await kubectl(['cordon', first.name, second.name]);
    await uninstall();
    await waitFor('the agents to be gone', async () => {
      const { items } = await getObject<{ items: object[] }>(['pods', '-n', installedIn]);
      return items.length === 0;
    });
    await onEach(subjects, async (subject) => {
      await expectRuns(subject);
      await expectWholeArchives(subject.node, [subject.pod]);
    });
  });
});
