import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DoctorReport } from '../../../src/doctor/index.ts';
import {
  apply,
  awaitPodEvent,
  type Cure,
  ctr,
  deletePod,
  forgetRightsAtOnce,
  inLab,
  kubectl,
  labInfo,
  nodeOf,
  type PolicyRule,
  startWorkPod,
  waitFor,
  workPod,
} from '../lib/index.ts';
import {
  agentLog,
  agentPodOn,
  agentRights,
  agentStatus,
  checkpointRight,
  installAnew,
  installedIn,
  optedIn,
  ruleText,
  type Settings,
} from '../rig/index.ts';
import { alert, midCaptureSettings, type Subject, startSubject } from './mid-capture.ts';

/*
 * The rights in deploy/ are exactly enough: without any of them something is missed, and the rule
 * that would help is named where that shows.
 */

const node = nodeOf(labInfo());
const agent = 'stillpoint-agent';
const started: Subject[] = [];
let cure: Cure | undefined;

beforeAll(async () => {
  cure = await forgetRightsAtOnce(node);
  await installAnew(withProbeRule(midCaptureSettings()));
});
afterAll(async () => {
  await grant(agentRights, [checkpointRight]);
  await kubectl(['delete', 'replicasets,jobs', '--selector', 'rights', '--ignore-not-found']);
  for (const { pod } of started) await deletePod(pod);
  await cure?.();
});

/** Besides, a rule that has the agent ask the kubelet for its counters. */
function withProbeRule({ rules, ...rest }: Settings): Settings {
  const when = '{ probe: { type: readiness, failures: 1000 } }';
  const rule = ruleText({ name: 'probe', when, labels: { rights: 'probe' } });
  return { ...rest, rules: `${rules}---\n${rule}` };
}

async function startOne(pod: string): Promise<Subject> {
  const subject = await startSubject(node, 'kubelet', pod, ['counter']);
  started.push(subject);
  return subject;
}

async function grant(base: readonly PolicyRule[], component: readonly PolicyRule[]) {
  const patch = async (name: string, rules: readonly PolicyRule[]) =>
    kubectl([
      'patch',
      'clusterrole',
      name,
      '--type',
      'merge',
      '--patch',
      JSON.stringify({ rules }),
    ]);
  await patch(agent, base);
  await patch(`${agent}-kubelet-checkpoint`, component);
}

/** One right, as hints write it. */
interface Right {
  group: string;
  resource: string;
  verb: string;
}

const ruleOf = ({ group, resource, verb }: Right) =>
  `apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]`;

/** All rights but one. */
async function grantWithout({ group, resource, verb }: Right): Promise<void> {
  const without = (rules: readonly PolicyRule[]) =>
    rules.flatMap((rule) =>
      rule.resources.map((one) => {
        const isIt = rule.apiGroups.includes(group) && one === resource;
        const verbs = isIt ? rule.verbs.filter((each) => each !== verb) : rule.verbs;
        return { ...rule, resources: [one], verbs };
      }),
    );
  const granting = (rules: PolicyRule[]) => rules.filter(({ verbs }) => verbs.length > 0);
  await grant(granting(without(agentRights)), granting(without([checkpointRight])));
}

/** The rules that the agent's log names as missing, each once. */
async function namedInLog(): Promise<string[]> {
  const text = (await agentLog(node)).replaceAll('\\"', '"');
  const rules = text.match(/apiGroups: \["[^"]*"\], resources: \["[^"]*"\], verbs: \["[^"]*"\]/g);
  return [...new Set(rules)];
}

const awaitInLog = (missing: Right) =>
  waitFor(`${ruleOf(missing)} to be named`, async () =>
    (await namedInLog()).includes(ruleOf(missing)),
  );

/** What `stillpoint doctor`, in the pod, says is missing. */
async function namedByDoctor(): Promise<string[]> {
  const env = { KUBECONFIG: labInfo().kubeconfig };
  const words = ['--', 'stillpoint', 'doctor', '--output', 'json'];
  const args = ['exec', '--namespace', installedIn, await agentPodOn(node), ...words];
  const { stdout } = await inLab('kubectl', args, { env, allowFailure: true });
  const { lines } = JSON.parse(stdout) as DoctorReport;
  return lines.filter(({ code }) => code === 'right-missing').map(({ next }) => next ?? '');
}

async function expectDoctorNames(right: Right): Promise<void> {
  await waitFor('doctor to name it', async () => {
    const named = await namedByDoctor();
    expect(named).toEqual([expect.stringContaining(ruleOf(right))]);
    return true;
  });
}

/** Deletes the agent's pod; without that right, the next one may never get ready. */
async function startAnew(): Promise<void> {
  const { startedMs } = await agentStatus(node);
  const pod = await agentPodOn(node);
  await kubectl(['delete', 'pod', '--namespace', installedIn, pod]);
  await waitFor('the next agent', async () => (await agentStatus(node)).startedMs !== startedMs);
}

const right = (resource: string, verb: string, group = ''): Right => ({ group, resource, verb });

/** A pod whose owner, and what stands behind that, only the API tells. */
async function ownBy(group: 'apps' | 'batch', kind: 'ReplicaSet' | 'Job'): Promise<void> {
  const { spec } = workPod({ name: 'owned', command: ['counter'] }) as { spec: object };
  const labels = { rights: kind.toLowerCase() };
  const template = { metadata: { labels }, spec: { ...spec } };
  await apply({
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name: `rights-${kind.toLowerCase()}`, namespace: 'default', labels },
    spec:
      kind === 'Job'
        ? { template: { ...template, spec: { ...spec, restartPolicy: 'Never' } } }
        : { selector: { matchLabels: labels }, template },
  });
}

describe('the agent without one of its rights', () => {
  it.each([
    { source: 'pods', ...right('pods', 'list') },
    { source: 'pods', ...right('pods', 'watch') },
    { source: 'events', ...right('events', 'list') },
    { source: 'events', ...right('events', 'watch') },
  ])('$verb $resource says so in its status, with the rule', async ({ source, ...missing }) => {
    await grantWithout(missing);
    await startAnew();
    const reason = await waitFor('its source to be degraded', async () => {
      const { sources } = await agentStatus(node);
      const status = sources.find(({ name }) => name === source)?.status;
      return status?.state === 'degraded' ? status.reason : undefined;
    });
    expect(reason).toContain(ruleOf(missing));
    expect(await namedInLog()).toEqual([ruleOf(missing)]);
    await expectDoctorNames(missing);
  });

  it('get nodes/configz warns in its log, with the rule', async () => {
    const missing = right('nodes/configz', 'get');
    await grantWithout(missing);
    await startAnew();
    await awaitInLog(missing);
    expect(await namedInLog()).toEqual([ruleOf(missing)]);
    await expectDoctorNames(missing);
  });

  it('get nodes/metrics says so in its status while a rule looks at probes', async () => {
    const missing = right('nodes/metrics', 'get');
    await grantWithout(missing);
    await startWorkPod({
      name: 'rights-probe',
      node: node.name,
      labels: { ...optedIn, rights: 'probe' },
      command: ['counter'],
      container: { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 2 } },
    });
    const reason = await waitFor('its source to be degraded', async () => {
      const { sources } = await agentStatus(node);
      const status = sources.find(({ name }) => name === 'probes')?.status;
      return status?.state === 'degraded' ? status.reason : undefined;
    });
    expect(reason).toContain(ruleOf(missing));
    await expectDoctorNames(missing);
    await deletePod('rights-probe');
  });

  it.each([
    { kind: 'ReplicaSet', ...right('replicasets', 'get', 'apps') },
    { kind: 'Job', ...right('jobs', 'get', 'batch') },
  ] as const)('$verb $resource warns of a pod of a $kind, with the rule', async (row) => {
    const { kind, ...missing } = row;
    await grantWithout(missing);
    await ownBy(missing.group === 'apps' ? 'apps' : 'batch', kind);
    await awaitInLog(missing);
    await expectDoctorNames(missing);
  });

  it('create nodes/checkpoint fails a capture, and tells the rule on the pod', async () => {
    const missing = right('nodes/checkpoint', 'create');
    await grantWithout(missing);
    const subject = await startOne('rights-checkpoint');
    await alert(subject);
    const events = await awaitPodEvent(subject.podUid, 'CheckpointFailed');
    expect(events).toContain(ruleOf(missing));
    const { backends } = await agentStatus(node);
    expect(backends.find(({ name }) => name === 'kubelet')).toMatchObject({ state: 'doubtful' });
    await expectDoctorNames(missing);
  });

  it('create events warns in its log, with the rule', async () => {
    const missing = right('events', 'create');
    await grantWithout(missing);
    await alert(await startOne('rights-create'));
    await awaitInLog(missing);
    await expectDoctorNames(missing);
  });

  it('patch events warns in its log of what it cannot count up, with the rule', async () => {
    const missing = right('events', 'patch');
    await grantWithout(missing);
    const { pod, containerId, ...subject } = await startOne('rights-patch');
    // Frozen by somebody else: each capture is refused for the same reason.
    await ctr(node, ['tasks', 'pause', containerId]);
    for (const count of [1, 2]) {
      await alert({ pod, containerId, ...subject });
      await waitFor('a refusal', async () => {
        const { recent } = await agentStatus(node);
        return recent.filter(({ target }) => target.includes(`/${pod}/`)).length === count;
      });
    }
    await awaitInLog(missing);
    await ctr(node, ['tasks', 'resume', containerId]);
    await expectDoctorNames(missing);
  });

  it('get nodes cannot tell how its node is: doctor names the rule', async () => {
    const missing = right('nodes', 'get');
    await grantWithout(missing);
    await expectDoctorNames(missing);
  });
});

it('has no right besides, but for those of every service account', async () => {
  await grant(agentRights, [checkpointRight]);
  const list = async (account: string) => {
    const as = `system:serviceaccount:${installedIn}:${account}`;
    const text = await kubectl(['auth', 'can-i', '--list', '--namespace', installedIn, '--as', as]);
    return text.split('\n').map((line) => line.trim().replace(/ +/g, ' '));
  };
  const everyones = await list('default');
  const own = (await list(agent)).filter((line) => !everyones.includes(line));
  expect(own.sort()).toEqual([
    'events [] [] [list watch create patch]',
    'jobs.batch [] [] [get]',
    'nodes [] [] [get]',
    'nodes/checkpoint [] [] [create]',
    'nodes/configz [] [] [get]',
    'nodes/metrics [] [] [get]',
    'pods [] [] [list watch]',
    'replicasets.apps [] [] [get]',
  ]);
});
