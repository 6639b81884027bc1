import { describe, expect, it } from '@jest/globals';
import type { GuardFacts } from '../../src/capture/guard-facts.ts';
import { judgeGuard } from '../../src/capture/guard-judge.ts';
import type { ContainerFact, PodFact, ProbeFact, ReasonCode } from '../../src/signal/index.ts';
import { targetOf } from '../support/decisions.ts';

const target = targetOf('a');
const MIB = 2 ** 20;

const liveness: ProbeFact = {
  type: 'liveness',
  handler: 'httpGet',
  periodMs: 1_000,
  timeoutMs: 1_000,
  failureThreshold: 2,
};

function podWith(change: Partial<ContainerFact> = {}): PodFact {
  const container: ContainerFact = {
    name: 'app',
    type: 'app',
    image: 'app:1',
    imageId: 'sha256:00',
    containerId: target.containerId,
    state: { kind: 'running', startedAtMs: 0 },
    restartCount: 0,
    probes: [],
    ...change,
  };
  return {
    namespace: 'shop',
    name: target.pod,
    uid: target.podUid,
    isStatic: false,
    nodeName: 'node-1',
    labels: {},
    annotations: {},
    phase: 'Running',
    terminationGraceMs: 30_000,
    hostNetwork: false,
    containers: [container],
  };
}

/** A healthy container that may be captured: 80 MB of memory in 0.8 s, 2 MB of files in 0.2 s. */
const healthy: GuardFacts = {
  nowMs: 3_600_000,
  target,
  spec: { via: 'auto', timeoutMs: 600_000, freezeMsMax: 30_000 },
  backend: 'cri',
  pod: podWith(),
  container: { kind: 'seen', state: 'running', startedAtMs: 0 },
  freezer: 'thawed',
  task: 'running',
  size: { imageBytes: 80e6, layerBytes: 2e6, from: 'cgroup' },
  costs: { bytesPerSecond: 100e6, layerBytesPerSecond: 10e6, fixedMs: 200, learnt: true },
  disks: [{ path: '/c', needBytes: 300 * MIB, availableBytes: 1_000 * MIB, floorBytes: 700 * MIB }],
  archive: { directory: '/c', nameBytes: 255 },
};

const next = podWith({ containerId: 'b'.repeat(64) });

describe('the guard', () => {
  it('lets a healthy container pass, at every limit exactly', () => {
    expect(judgeGuard(healthy)).toEqual({
      kind: 'ok',
      predictedFreezeMs: 1_200,
      allowedFreezeMs: 30_000,
    });
    const limit = { ...healthy, spec: { ...healthy.spec, freezeMsMax: 1_200 } };
    expect(judgeGuard(limit).kind).toBe('ok');
    const deadline = { ...healthy.spec, thawedByMs: healthy.nowMs + 1_200 };
    expect(judgeGuard({ ...healthy, spec: deadline }).kind).toBe('ok');
  });

  it.each<[string, ReasonCode, Partial<GuardFacts>]>([
    ['a target on the deny list', 'denied', { denied: 'namespace kube-system' }],
    [
      'one that has exited',
      'expired',
      { container: { kind: 'seen', state: 'exited', startedAtMs: 0 } },
    ],
    ['one that is gone', 'expired', { container: { kind: 'gone' } }],
    [
      'one that has exited and runs anew',
      'life-changed',
      { container: { kind: 'seen', state: 'exited', startedAtMs: 0 }, pod: next },
    ],
    ['one that is gone and runs anew', 'life-changed', { container: { kind: 'gone' }, pod: next }],
    [
      'one that was only created',
      'not-running',
      { container: { kind: 'seen', state: 'created', startedAtMs: 0 } },
    ],
    [
      'any while the runtime is away',
      'no-backend',
      { container: { kind: 'unreachable', why: 'x' } },
    ],
    [
      'by the pod alone: one whose pod is gone',
      'expired',
      { container: { kind: 'not-asked' }, pod: undefined },
    ],
    [
      'by the pod alone: one that runs anew',
      'life-changed',
      { container: { kind: 'not-asked' }, pod: next },
    ],
    [
      'by the pod alone: one that waits',
      'not-running',
      {
        container: { kind: 'not-asked' },
        pod: podWith({ state: { kind: 'waiting', reason: 'CrashLoopBackOff', message: '' } }),
      },
    ],
    [
      'one whose pod is not known, so that nobody knows its probes',
      'target-unknown',
      { pod: undefined },
    ],
    ['one whose freezer is frozen', 'frozen-already', { freezer: 'frozen' }],
    ['one that is being frozen', 'frozen-already', { freezer: 'freezing', task: undefined }],
    ['one whose task is paused', 'frozen-already', { task: 'paused', freezer: undefined }],
    ['one that is traced', 'busy', { tracer: { pid: 7, tracedBy: 9 } }],
    ['one of unknown size', 'freeze-too-long', { size: undefined }],
    [
      'one that would stand still too long',
      'freeze-too-long',
      { spec: { ...healthy.spec, freezeMsMax: 1_199 } },
    ],
    [
      'one that would run again too late',
      'freeze-too-long',
      { spec: { ...healthy.spec, thawedByMs: healthy.nowMs + 1_199 } },
    ],
    [
      'one that had to run again long ago',
      'freeze-too-long',
      { spec: { ...healthy.spec, thawedByMs: healthy.nowMs - 60_000 } },
    ],
    ['one whose probes would kill it', 'probe-budget', { pod: podWith({ probes: [liveness] }) }],
    ['a name of 256 bytes', 'name-too-long', { archive: { directory: '/c', nameBytes: 256 } }],
    [
      'to write over an archive',
      'archive-exists',
      { archive: { directory: '/c', nameBytes: 9, collidesWith: 'x.tar' } },
    ],
    [
      'a directory that cannot be written',
      'not-writable',
      { archive: { directory: '/c', nameBytes: 9, notWritable: 'EROFS' } },
    ],
    [
      'to push a disk under its floor',
      'disk-low',
      {
        disks: [...healthy.disks, { path: '/t', needBytes: 1, availableBytes: 10, floorBytes: 10 }],
      },
    ],
  ])('refuses %s as %s', (_, reason, change) => {
    const verdict = judgeGuard({ ...healthy, ...change });
    expect(verdict).toMatchObject({ kind: 'refused', reason, detail: expect.stringMatching(/./) });
  });

  it('believes the runtime rather than a pod status that lags behind', () => {
    const lagging = podWith({ state: { kind: 'waiting', reason: 'x', message: '' } });
    expect(judgeGuard({ ...healthy, pod: lagging }).kind).toBe('ok');
  });

  it('counts a startup probe by the age that the runtime tells', () => {
    const startup = podWith({ probes: [{ ...liveness, type: 'startup' }] });
    expect(judgeGuard({ ...healthy, pod: startup }).kind).toBe('ok');
    const young = { kind: 'seen', state: 'running', startedAtMs: healthy.nowMs - 500 } as const;
    expect(judgeGuard({ ...healthy, pod: startup, container: young })).toMatchObject({
      reason: 'probe-budget',
    });
  });

  it('says the numbers behind a refusal', () => {
    const spec = { ...healthy.spec, freezeMsMax: 1_000 };
    expect(judgeGuard({ ...healthy, spec })).toMatchObject({
      detail:
        'would stand still for 1.2s (memory 76.3 MiB at 95.4 MiB/s, files 1.9 MiB at 9.5 MiB/s), ' +
        'allowed 1s',
    });
    const low = { path: '/c', needBytes: 3 * MIB, availableBytes: 5 * MIB, floorBytes: 4 * MIB };
    expect(judgeGuard({ ...healthy, disks: [low] })).toMatchObject({
      detail: '/c: 5 MiB free, 3 MiB needed at the peak, 4 MiB must stay',
    });
  });

  it('gives the first reason when there are many', () => {
    const wrong = { ...healthy, denied: 'static pod', freezer: 'frozen' };
    expect(judgeGuard(wrong as GuardFacts)).toMatchObject({ reason: 'denied' });
  });
});
