import { describe, expect, it } from '@jest/globals';
import { createPodsSource } from '../../../src/sources/index.ts';
import { type Controller, controllerOf, topOwnerOf } from '../../../src/sources/pods/controller.ts';
import { podFactOf } from '../../support/pod-facts.ts';
import { listOf, statusOf } from '../../support/scripted-api-server.ts';
import { createSourceRig } from '../../support/source-rig.ts';

const pod = (hash?: string) =>
  podFactOf(
    { namespace: 'shop', pod: 'cart-7d9f-x', podUid: 'u', container: 'app', containerId: '' },
    hash === undefined ? {} : { labels: { 'pod-template-hash': hash } },
  );

function owner(kind: string, name: string, apiVersion = 'apps/v1'): Controller {
  return { kind, name, apiVersion, uid: 'owner-1' };
}

describe('the top owner of a pod', () => {
  const known: [situation: string, hash: string | undefined, Controller | undefined, string][] = [
    ['without an owner is itself', undefined, undefined, 'Pod cart-7d9f-x'],
    ['of a Deployment, by the hash', '7d9f', owner('ReplicaSet', 'cart-7d9f'), 'Deployment cart'],
    ['with - in names', '7d9f', owner('ReplicaSet', 'a-b-7d9f'), 'Deployment a-b'],
    ['of a StatefulSet', undefined, owner('StatefulSet', 'db'), 'StatefulSet db'],
    ['of a DaemonSet', undefined, owner('DaemonSet', 'log'), 'DaemonSet log'],
    ['of another group', '7d9f', owner('ReplicaSet', 'x-7d9f', 'foo/v1'), 'ReplicaSet x-7d9f'],
  ];
  it.each(known)('%s', (_, hash, controller, expected) => {
    const top = topOwnerOf(pod(hash), controller);
    expect(top).toMatchObject({ state: 'known' });
    if (top.state === 'known') expect(`${top.owner.kind} ${top.owner.name}`).toBe(expected);
  });

  const asked: [situation: string, hash: string | undefined, Controller, string][] = [
    [
      'has no hash',
      undefined,
      owner('ReplicaSet', 'cart-7d9f'),
      'apps/v1',
      'replicasets/cart-7d9f',
    ],
    [
      'has another hash',
      'aaaa',
      owner('ReplicaSet', 'cart-7d9f'),
      'apps/v1',
      'replicasets/cart-7d9f',
    ],
    [
      'has nothing but the hash',
      '7d9f',
      owner('ReplicaSet', '7d9f'),
      'apps/v1',
      'replicasets/7d9f',
    ],
    ['is of a Job', undefined, owner('Job', 'n-1', 'batch/v1'), 'batch/v1', 'jobs/n-1'],
  ].map(([situation, hash, controller, group, rest]) => [
    situation as string,
    hash as string | undefined,
    controller as Controller,
    `/apis/${group}/namespaces/shop/${rest}`,
  ]);
  it.each(asked)('is asked for where it %s', (_, hash, controller, path) => {
    expect(topOwnerOf(pod(hash), controller)).toEqual({ state: 'ask', path, controller });
  });

  it('is asked for where the name may have been cut by the Deployment controller', () => {
    const name = `${'x'.repeat(248)}-7d9f`;
    expect(topOwnerOf(pod('7d9f'), owner('ReplicaSet', name)).state).toBe('ask');
  });

  it.each([
    ['no uid to prove the answer with', { ...owner('Job', 'n-1', 'batch/v1'), uid: '' }],
    ['a name that no path may hold', owner('Job', '../../secrets', 'batch/v1')],
  ])('is unknown with %s', (_, controller) => {
    expect(topOwnerOf(pod(), controller)).toEqual({ state: 'unknown' });
  });

  it('comes from the controller alone, never from another owner', () => {
    const other = { kind: 'Node', name: 'n', uid: 'n-1', apiVersion: 'v1' };
    const job = { kind: 'Job', name: 'j', uid: 'j-1', apiVersion: 'batch/v1' };
    expect(controllerOf({ ownerReferences: [other] })).toBeUndefined();
    const references = [other, { ...job, controller: true }];
    expect(controllerOf({ ownerReferences: references })).toEqual(job);
  });
});

const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'nightly-29', uid: 'job-1' };

function jobPod(name: string, version: string) {
  const ownerReferences = [{ ...job, controller: true }];
  const metadata = { namespace: 'shop', name, uid: `uid-${name}`, resourceVersion: version };
  return { metadata: { ...metadata, ownerReferences }, spec: {}, status: {} };
}

function jobObject(uid = 'job-1') {
  const above = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly', uid: 'cron-1' };
  const metadata = { namespace: 'shop', name: 'nightly-29', uid, resourceVersion: '1' };
  return { metadata: { ...metadata, ownerReferences: [{ ...above, controller: true }] } };
}

describe('pods of a Job', () => {
  it('come at once, and again with the CronJob, which is asked for once', async () => {
    await using rig = await createSourceRig(createPodsSource);
    const list = listOf([jobPod('a', '1'), jobPod('b', '2')], '5');
    (await rig.server.next('list')).reply(200, list);
    const question = await rig.server.next('other');
    expect(question.path).toBe('/apis/batch/v1/namespaces/shop/jobs/nightly-29');
    const before = rig.signals.all().map((signal) => signal.kind === 'podChanged' && signal.pod);
    expect(before).toMatchObject([{ name: 'a' }, { name: 'b' }]);
    expect(before.every((fact) => fact && fact.topOwner === undefined)).toBe(true);
    question.reply(200, jobObject());
    await rig.signals.next(
      (signal) => signal.kind === 'podChanged' && signal.pod.topOwner !== undefined,
    );
    expect(rig.signals.all().slice(2)).toMatchObject([
      { initial: false, pod: { name: 'a', topOwner: { kind: 'CronJob', name: 'nightly' } } },
      { initial: false, pod: { name: 'b', topOwner: { kind: 'CronJob', name: 'nightly' } } },
    ]);
    expect(rig.server.waiting()).not.toContain('other');
  });

  it('keep the newest look when the answer comes late', async () => {
    await using rig = await createSourceRig(createPodsSource);
    (await rig.server.next('list')).reply(200, listOf([jobPod('a', '1')], '5'));
    const question = await rig.server.next('other');
    const watch = await rig.server.next('watch');
    watch.open();
    const newer = { ...jobPod('a', '6'), status: { phase: 'Running' } };
    watch.line({ type: 'MODIFIED', object: newer });
    await rig.signals.next(
      (signal) => signal.kind === 'podChanged' && signal.pod.phase === 'Running',
    );
    question.reply(200, jobObject());
    const found = await rig.signals.next(
      (signal) => signal.kind === 'podChanged' && signal.pod.topOwner !== undefined,
    );
    expect(found).toMatchObject({ pod: { phase: 'Running', topOwner: { kind: 'CronJob' } } });
  });

  it.each([
    ['is gone', 404, statusOf(404, 'NotFound', 'jobs "nightly-29" not found')],
    ['was reborn under its name', 200, jobObject('job-2')],
  ])('stay without a top owner when the Job %s', async (_, status, body) => {
    await using rig = await createSourceRig(createPodsSource);
    (await rig.server.next('list')).reply(200, listOf([jobPod('a', '1')], '5'));
    (await rig.server.next('other')).reply(status, body);
    const watch = await rig.server.next('watch');
    watch.open();
    watch.line({ type: 'MODIFIED', object: jobPod('a', '6') });
    watch.line({ type: 'DELETED', object: jobPod('a', '7') });
    await rig.signals.next(({ kind }) => kind === 'podGone');
    const owners = rig.signals.all().map((one) => one.kind === 'podChanged' && one.pod.topOwner);
    expect(owners.filter(Boolean)).toEqual([]);
  });

  it('ask again after a refusal, and count it', async () => {
    await using rig = await createSourceRig(createPodsSource);
    (await rig.server.next('list')).reply(200, listOf([jobPod('a', '1')], '5'));
    (await rig.server.next('watch')).open();
    const forbidden = statusOf(403, 'Forbidden', 'jobs is forbidden');
    (await rig.server.next('other')).reply(403, forbidden);
    while (rig.source.dropped()['owner-not-read'] === undefined) await rig.clock.advance(0);
    await rig.clock.advance(1_000);
    (await rig.server.next('other')).reply(200, jobObject());
    const found = await rig.signals.next(
      (signal) => signal.kind === 'podChanged' && signal.pod.topOwner !== undefined,
    );
    expect(found).toMatchObject({ pod: { topOwner: { kind: 'CronJob', name: 'nightly' } } });
  });

  it('is not asked for again when the pod has gone', async () => {
    await using rig = await createSourceRig(createPodsSource);
    (await rig.server.next('list')).reply(200, listOf([jobPod('a', '1')], '5'));
    const question = await rig.server.next('other');
    const watch = await rig.server.next('watch');
    watch.open();
    watch.line({ type: 'DELETED', object: jobPod('a', '7') });
    await rig.signals.next(({ kind }) => kind === 'podGone');
    question.reply(200, jobObject());
    watch.line({ type: 'ADDED', object: jobPod('c', '8') });
    (await rig.server.next('other')).reply(200, jobObject());
    const found = await rig.signals.next(
      (signal) => signal.kind === 'podChanged' && signal.pod.topOwner !== undefined,
    );
    expect(found).toMatchObject({ pod: { name: 'c' } });
  });
});
