import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Decision } from '../../../src/rules/index.ts';
import { apply, awaitRunning, kubectl, waitFor, workPod } from '../lib/index.ts';
import { type LabAgent, optedIn, startLabAgent } from '../rig/index.ts';

/** An owner as its controller would have made it; `behind` is who made the owner. */
interface OwnerObject {
  apiVersion: string;
  kind: string;
  name: string;
  behind?: string;
}

const template = {
  metadata: { labels: optedIn },
  spec: { containers: [{ name: 'work', image: 'none' }], restartPolicy: 'Always' },
};
const jobTemplate = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };
const selector = { matchLabels: optedIn };

/** What each kind needs to be accepted by the API server. */
const specs: Record<string, object> = {
  Deployment: { replicas: 0, selector, template },
  ReplicaSet: { replicas: 0, selector, template },
  StatefulSet: { replicas: 0, serviceName: 'none', selector, template },
  DaemonSet: { selector, template },
  Job: { suspend: true, template: jobTemplate },
  CronJob: {
    suspend: true,
    schedule: '0 2 * * *',
    jobTemplate: { spec: { template: jobTemplate } },
  },
};

/** Those behind come before those that they made. */
const owners: readonly OwnerObject[] = [
  { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'cart-7d9f8', behind: 'Deployment/cart' },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'alone' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'store' },
  { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'logs' },
  { apiVersion: 'batch/v1', kind: 'Job', name: 'once' },
  { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly' },
  { apiVersion: 'batch/v1', kind: 'Job', name: 'nightly-29', behind: 'CronJob/nightly' },
];

/** Pod → its direct owner; the labels are those that the controllers set. */
const pods: Record<string, { owner?: string; labels?: Record<string, string> }> = {
  'cart-7d9f8-a': { owner: 'ReplicaSet/cart-7d9f8', labels: { 'pod-template-hash': '7d9f8' } },
  // Nothing of the pod says whose ReplicaSet it is: only the API server can.
  'cart-7d9f8-b': { owner: 'ReplicaSet/cart-7d9f8' },
  'alone-a': { owner: 'ReplicaSet/alone' },
  'store-0': { owner: 'StatefulSet/store' },
  'logs-a': { owner: 'DaemonSet/logs' },
  'once-a': { owner: 'Job/once' },
  'nightly-29-a': { owner: 'Job/nightly-29' },
  bare: {},
};

/** Rule → the owner that it asks for, and the pods that it must reach. */
const rows: readonly [rule: string, owner: string, reached: readonly string[]][] = [
  ['deployment', '{ kind: Deployment, name: cart }', ['cart-7d9f8-a', 'cart-7d9f8-b']],
  ['replica-set', '{ kind: ReplicaSet, name: "cart-*" }', ['cart-7d9f8-a', 'cart-7d9f8-b']],
  ['replica-set-alone', '{ kind: ReplicaSet, name: alone }', ['alone-a']],
  ['stateful-set', '{ kind: StatefulSet, name: store }', ['store-0']],
  ['daemon-set', '{ kind: DaemonSet, name: logs }', ['logs-a']],
  ['job', '{ kind: Job, name: once }', ['once-a']],
  ['cron-job', '{ kind: CronJob, name: nightly }', ['nightly-29-a']],
  ['job-of-cron-job', '{ kind: Job, name: "nightly-*" }', ['nightly-29-a']],
  ['bare', '{ kind: Pod, name: bare }', ['bare']],
  ['any-bare', '{ kind: Pod, name: "*" }', ['bare']],
  ['nobody', '{ kind: Deployment, name: pay }', []],
];

const rules = rows
  .map(
    ([name, owner]) => `apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: ${name} }
spec:
  mode: observe
  when: { schedule: { cron: "* * * * * *" } }
  target: { podSelector: { matchLabels: { stillpoint.dev/enabled: "true" } }, owner: ${owner} }
  limits: { cooldown: 0s }
`,
  )
  .join('---\n');

let running: LabAgent;
/** Rule → the pods that it reached. */
const reached = new Map<string, Set<string>>();

function take({ rule, reason, target }: Decision): void {
  const known = reached.get(rule) ?? new Set();
  reached.set(rule, known);
  if (reason === 'observed' && target) known.add(target.pod);
}

async function makeOwners(): Promise<Map<string, object>> {
  const references = new Map<string, object>();
  for (const { apiVersion, kind, name, behind } of owners) {
    const ownerReferences = behind === undefined ? [] : [references.get(behind)];
    const metadata = { name, namespace: 'default', ownerReferences };
    await apply({ apiVersion, kind, metadata, spec: specs[kind] });
    const uid = await kubectl(['get', kind, name, '-o', 'jsonpath={.metadata.uid}']);
    references.set(`${kind}/${name}`, { apiVersion, kind, name, uid, controller: true });
  }
  return references;
}

beforeAll(async () => {
  const references = await makeOwners();
  running = await startLabAgent({ rules });
  running.agent.facts.listen((fact) => {
    if (fact.kind === 'decision') take(fact.decision);
  });
  for (const [name, { owner, labels = {} }] of Object.entries(pods)) {
    const plain = workPod({ name, labels: { ...optedIn, ...labels }, command: ['counter'] });
    const { metadata, ...rest } = plain as { metadata: object };
    const ownerReferences = owner === undefined ? [] : [references.get(owner)];
    await apply({ ...rest, metadata: { ...metadata, ownerReferences } });
  }
  for (const name of Object.keys(pods)) await awaitRunning(name);
});

afterAll(async () => {
  await running?.stop();
  const all = ['pods', ...new Set(owners.map(({ kind }) => kind))].join(',');
  await kubectl(['delete', all, '-n', 'default', '--grace-period=0', '--force', '--all']);
});

describe('owners on a real node, with the rights of the agent', () => {
  it.each(rows)('a rule for %s reaches what is owned by %s', async (rule, _owner, wanted) => {
    const names = [...wanted].sort();
    await waitFor(`rule ${rule} to decide about ${names.join(', ') || 'nothing'}`, async () => {
      const found = [...(reached.get(rule) ?? ['no decision yet'])].sort();
      expect(found).toEqual(names);
      return true;
    });
  });
});
