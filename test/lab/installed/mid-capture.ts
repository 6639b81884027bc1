import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import { connect } from 'nats';
import type { AgentStatus } from '../../../src/agent/index.ts';
import { createNodeProbe, openCgroups } from '../../../src/node/index.ts';
import { run } from '../base/run.ts';
import {
  awaitPodEvent,
  containerPid,
  ctr,
  type LabNode,
  labInfo,
  lastTickIn,
  podLogs,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
import { agentStatus, optedIn, recordsOf, ruleText, type Settings } from '../rig/index.ts';

/*
 * Containers that are captured while something breaks. The dump of a big one takes seconds, so that
 * whatever happens then happens in the middle of it; a small one shows that the agent works on.
 */

export type Way = 'cri' | 'kubelet';

/** An alert captures the container that it names, at once and each time, the one way or the other. */
export function midCaptureSettings(): Settings {
  const match = '[ { field: priority, severityAtLeast: Critical } ]';
  const rules = (['cri', 'kubelet'] as const).map((via) =>
    ruleText({
      name: `alert-${via}`,
      when: `{ alert: { shape: falco, match: ${match} } }`,
      labels: { 'mid-capture': via },
      capture: `{ via: ${via} }`,
      cooldown: '0s',
    }),
  );
  return {
    rules: rules.join('---\n'),
    config: {
      mode: 'enforce',
      nats: { servers: [labInfo().nats.url] },
      limits: { capturesPerHour: 1000 },
    },
  };
}

/** A running container of a test, and how to ask its node about it. */
export interface Subject {
  node: LabNode;
  via: Way;
  pod: string;
  podUid: string;
  containerId: string;
  /** Of its cgroup; `gone` with the container. */
  freezer(): string;
  /** CRIU works on it. */
  isTraced(): boolean;
}

const cgroups = openCgroups();
const probe = createNodeProbe({ cgroups });
const MEMORY_MB = 400;

export async function startSubject(
  node: LabNode,
  via: Way,
  pod: string,
  command: readonly string[],
): Promise<Subject> {
  const labels = { ...optedIn, 'mid-capture': via };
  const started = await startWorkPod({ name: pod, node: node.name, labels, command });
  const pid = await containerPid(node, started.id);
  const cgroup = cgroups.locate({ pid });
  if (!cgroup) throw new Error(`no cgroup of ${pod}`);
  return {
    ...{ node, via, pod, podUid: started.pod.metadata.uid, containerId: started.id },
    freezer: () => probe.cgroups.freezerState(cgroup) ?? 'gone',
    isTraced: () => (probe.tracerPid(pid) ?? 0) !== 0,
  };
}

/** One of 400 MiB, as soon as it holds them. */
export async function startBig(node: LabNode, via: Way, pod: string): Promise<Subject> {
  const subject = await startSubject(node, via, pod, ['hog', '2000', String(MEMORY_MB), '0']);
  await waitFor('its memory', async () => lastTickIn(await podLogs(pod)) !== undefined, {
    everyMs: 300,
  });
  return subject;
}

/** Publishes an alert about it, in the words of falcosidekick. */
export async function alert({ containerId }: Subject): Promise<void> {
  const connection = await connect({ servers: labInfo().nats.url });
  const payload = {
    output: 'A shell was spawned in a container with an attached terminal',
    priority: 'Critical',
    rule: 'Terminal shell in container',
    source: 'syscall',
    time: new Date().toISOString(),
    output_fields: { 'container.id': containerId.slice(0, 12) },
  };
  connection.publish('falco.critical.terminal_shell_in_container', JSON.stringify(payload));
  await connection.drain();
}

/** Resolves in the middle of its dump. */
export async function captureBegins(subject: Subject): Promise<void> {
  await alert(subject);
  await waitFor('its dump', () => subject.isTraced(), { everyMs: 5 });
  const { captures } = await agentStatus(subject.node);
  expect(captures.running?.target).toContain(`/${subject.pod}/`);
}

/** How its one trigger ended: `archived`, or the class of the failure that its pod was told. */
export async function endOf({ node, pod, podUid }: Subject): Promise<string> {
  const [state] = await waitFor('its trigger to end', async () => {
    const { recent } = await agentStatus(node);
    const states = recent.filter(({ target }) => target.includes(`/${pod}/`)).map((e) => e.state);
    if (states.some((each) => each === 'recorded' || each === 'failed')) return states;
    throw new Error(JSON.stringify(recent));
  });
  if (state === 'recorded') return 'archived';
  const events = await awaitPodEvent(podUid, 'CheckpointFailed');
  return /CheckpointFailed.* failed \(([\w-]+)\)/.exec(events)?.[1] ?? events;
}

/** Nothing holds it, and what runs in its pod ticks on. */
export async function expectRuns(subject: Subject): Promise<void> {
  const { node, pod, containerId } = subject;
  let first: number | undefined;
  await waitFor(
    `${pod} to tick on`,
    async () => {
      const tick = lastTickIn(await podLogs(pod));
      first ??= tick;
      // A container that was started anew begins at 0.
      if (tick !== undefined && first !== undefined && tick < first) first = tick;
      return tick !== undefined && first !== undefined && tick > first;
    },
    { everyMs: 300 },
  );
  await waitFor('its freezer to be thawed', () => ['thawed', 'gone'].includes(subject.freezer()));
  expect(subject.isTraced()).toBe(false);
  const tasks = await ctr(node, ['tasks', 'ls']);
  expect(tasks).not.toContain('PAUSED');
  const isThere = subject.freezer() !== 'gone';
  if (isThere) expect(tasks).toMatch(new RegExp(`^${containerId}\\s+\\d+\\s+RUNNING`, 'm'));
}

const main = path.join(import.meta.dirname, '../../../src/cli/main.ts');

/** Every file that is called an archive has a record; `archives verify` finds those asked for whole. */
export async function expectWholeArchives(node: LabNode, pods: readonly string[]): Promise<void> {
  const ours = path.join(node.checkpointsDir, '.stillpoint');
  await waitFor('half files to be removed', () => {
    const found = readdirSync(node.checkpointsDir).filter((name) => name !== '.stillpoint');
    const recorded = new Set(readdirSync(path.join(ours, 'records')));
    const half = found.filter((name) => !recorded.has(`${name}.json`));
    if (half.length > 0) throw new Error(`there without a record: ${half.join(', ')}`);
    expect(recorded.size).toBe(found.length);
    return true;
  });
  for (const rest of ['unfinished', 'removing']) {
    expect(existsSync(path.join(ours, rest)) ? readdirSync(path.join(ours, rest)) : []).toEqual([]);
  }
  const names = pods.flatMap((pod) => recordsOf(node, pod).map(({ archive }) => archive));
  if (names.length === 0) return;
  const args = ['archives', 'verify', '--dir', node.checkpointsDir, '--output', 'json', ...names];
  const { stdout } = await run(process.execPath, [main, ...args]);
  const whole = { verification: { kind: 'complete' }, record: { kind: 'matches' } };
  expect(JSON.parse(stdout)).toMatchObject(names.map((archive) => ({ archive, ...whole })));
}

/** A container that is new now is captured. */
export async function expectWorksOn(node: LabNode, via: Way, pod: string): Promise<void> {
  const subject = await startSubject(node, via, pod, ['counter']);
  await alert(subject);
  expect(await endOf(subject)).toBe('archived');
}

/** Replaces the agent of that node by what `act` does, and resolves when the next one hears alerts. */
export async function replaceAgent(node: LabNode, act: () => Promise<unknown>): Promise<void> {
  const { startedMs } = await agentStatus(node);
  await act();
  await waitFor(`another agent on ${node.name}`, async () => {
    const status = await agentStatus(node);
    return status.startedMs !== startedMs && status.sources.every(isLive);
  });
}

function isLive({ status }: AgentStatus['sources'][number]): boolean {
  return status.state === 'live';
}
