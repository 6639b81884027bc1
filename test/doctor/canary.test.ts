import { describe, expect, it } from '@jest/globals';
import type { ArchiveReport } from '../../src/archive/index.ts';
import { createRandom, StillpointError } from '../../src/base/index.ts';
import type { CanaryAgent, CaptureEnd } from '../../src/doctor/canary/canary-agent.ts';
import {
  judgePodState,
  type PodObject,
  withCanaryPod,
} from '../../src/doctor/canary/canary-pod.ts';
import { captureCanary } from '../../src/doctor/canary/capture-canary.ts';
import type { ApiClient, ApiRequest } from '../../src/kube/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const target = { namespace: 'stillpoint', pod: 'stillpoint-canary-1', container: 'canary' };
const archive = 'checkpoint-canary.tar';
const done = {
  kind: 'done',
  record: { archive, bytes: 2 ** 20, timings: { checkpointMs: 500, frozenMs: 400 } },
} as unknown as CaptureEnd;
const sound = {
  verification: { kind: 'complete' },
  record: { kind: 'matches' },
} as unknown as ArchiveReport;

function fakeAgent(ends: readonly (CaptureEnd | StillpointError)[], report = sound) {
  const did: string[] = [];
  const left = [...ends];
  const agent: CanaryAgent = {
    backends: async () => ['cri'],
    async capture(_, via) {
      did.push(`capture ${via}`);
      const end = left.length > 1 ? left.shift() : left[0];
      if (!end || end instanceof Error) throw end ?? new Error('no end');
      return end;
    },
    async verify(name) {
      did.push(`verify ${name}`);
      return report;
    },
    async remove(name) {
      did.push(`remove ${name}`);
    },
  };
  return { agent, did };
}

/** Lets the clock run until the promise has settled. */
async function whileTicking<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => undefined);
  while (!settled) await clock.advance(100);
  return watched;
}

describe('a canary that is captured', () => {
  it('is proved, and its archive removed', async () => {
    const { agent, did } = fakeAgent([done]);
    expect(await captureCanary(agent, target, createFakeClock())).toMatchObject([
      {
        check: 'canary-cri',
        state: 'ok',
        what: expect.stringMatching(/in 500ms, stood still 400ms; 1 MiB/),
      },
    ]);
    expect(did).toEqual(['capture cri', `verify ${archive}`, `remove ${archive}`]);
  });

  it('is asked for again while the agent does not know the pod yet', async () => {
    const unknown = { kind: 'refused', reason: 'target-unknown', detail: '' } as const;
    const clock = createFakeClock();
    const { agent, did } = fakeAgent([unknown, unknown, done]);
    const lines = await whileTicking(clock, captureCanary(agent, target, clock));
    expect(lines).toMatchObject([{ state: 'ok' }]);
    expect(did.filter((one) => one === 'capture cri')).toHaveLength(3);
  });

  it('is given up when the agent never knows the pod', async () => {
    const unknown = { kind: 'refused', reason: 'target-unknown', detail: '' } as const;
    const clock = createFakeClock();
    const lines = await whileTicking(
      clock,
      captureCanary(fakeAgent([unknown]).agent, target, clock),
    );
    expect(lines).toMatchObject([{ state: 'fail', code: 'target-unknown' }]);
  });

  it.each<[string, CaptureEnd | StillpointError, string, RegExp]>([
    [
      'CRIU is too old',
      { kind: 'failed', class: 'criu-too-old', message: 'vdso', hint: 'install CRIU 4' },
      'criu-too-old',
      /CRIU is too old .*: vdso/,
    ],
    ['the hour is used up', { kind: 'refused', reason: 'budget', detail: '6' }, 'budget', /budget/],
    [
      'the archive is cut',
      { kind: 'broken', archive, findings: ['short'] },
      'archive-broken',
      /short/,
    ],
    [
      'the agent is gone',
      new StillpointError({ code: 'unreachable', message: 'no agent' }),
      'unreachable',
      /no agent/,
    ],
  ])('fails when %s', async (_, end, code, words) => {
    const { agent, did } = fakeAgent([end]);
    expect(await captureCanary(agent, target, createFakeClock())).toMatchObject([
      { state: 'fail', code, what: expect.stringMatching(words), next: expect.any(String) },
    ]);
    expect(did).toEqual(['capture cri']);
  });

  it('is removed even when it is not what its record says', async () => {
    const report = { ...sound, record: { kind: 'differs', differences: ['sha256'] } } as never;
    const { agent, did } = fakeAgent([done], report);
    const lines = await captureCanary(agent, target, createFakeClock());
    expect(lines).toMatchObject([{ state: 'fail', code: 'not-verified' }]);
    expect(did.at(-1)).toBe(`remove ${archive}`);
  });
});

describe('the pod of a canary', () => {
  const options = { node: 'n1', namespace: 'stillpoint', image: 'i:1', isOurs: true };
  const running: PodObject = { status: { containerStatuses: [{ state: { running: {} } }] } };

  function fakeApi(states: readonly PodObject[]) {
    const asked: ApiRequest[] = [];
    const left = [...states];
    const json = async (request: ApiRequest) => {
      asked.push(request);
      return request.method === 'GET' ? (left.length > 1 ? left.shift() : left[0]) : {};
    };
    const api = { json } as unknown as ApiClient;
    const tools = { api, random: createRandom(1), signal: new AbortController().signal };
    return { tools, verbs: () => asked.map(({ method }) => method), asked };
  }

  it('is made on that node, opted in, without any right, and taken away after use', async () => {
    const clock = createFakeClock();
    const { tools, verbs, asked } = fakeApi([{ status: {} }, running]);
    const use = withCanaryPod({ ...tools, clock }, options, async ({ pod }) => pod);
    expect(await whileTicking(clock, use)).toMatch(/^stillpoint-canary-[0-9a-f]{8}$/);
    expect(verbs()).toEqual(['POST', 'GET', 'GET', 'DELETE']);
    expect(asked[0]?.body).toMatchObject({
      metadata: { labels: { 'stillpoint.dev/enabled': 'true' } },
      spec: {
        nodeName: 'n1',
        automountServiceAccountToken: false,
        activeDeadlineSeconds: 600,
        containers: [{ image: 'i:1', args: ['canary'] }],
      },
    });
  });

  it('is taken away when its use fails', async () => {
    const { tools, verbs } = fakeApi([running]);
    const clock = createFakeClock();
    const use = withCanaryPod({ ...tools, clock }, options, () => Promise.reject(new Error('no')));
    await expect(use).rejects.toThrow('no');
    expect(verbs().at(-1)).toBe('DELETE');
  });

  it('is taken away when its image cannot be had', async () => {
    const waiting = { reason: 'ErrImagePull', message: 'no such image' };
    const { tools, verbs } = fakeApi([{ status: { containerStatuses: [{ state: { waiting } }] } }]);
    const use = withCanaryPod({ ...tools, clock: createFakeClock() }, options, async () => 0);
    await expect(use).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('ErrImagePull: no such image'),
    });
    expect(verbs()).toEqual(['POST', 'GET', 'DELETE']);
  });

  it('is taken away when the one who waits for it is told to stop', async () => {
    const clock = createFakeClock();
    const { tools, verbs } = fakeApi([{ status: {} }]);
    const stopped = new AbortController();
    const use = withCanaryPod({ ...tools, clock, signal: stopped.signal }, options, async () => 0);
    const refused = expect(use).rejects.toMatchObject({ code: 'cancelled' });
    await clock.advance(1_000);
    stopped.abort(new StillpointError({ code: 'cancelled', message: 'SIGINT' }));
    await refused;
    expect(verbs().at(-1)).toBe('DELETE');
    const late = withCanaryPod({ ...tools, clock, signal: stopped.signal }, options, async () => 0);
    await expect(late).rejects.toMatchObject({ code: 'cancelled' });
    expect(verbs().at(-1)).toBe('DELETE');
  });

  it('is not waited for for ever', async () => {
    const clock = createFakeClock();
    const { tools, verbs } = fakeApi([{ status: {} }]);
    const use = withCanaryPod({ ...tools, clock }, options, async () => 0);
    await expect(whileTicking(clock, use)).rejects.toMatchObject({ code: 'timeout' });
    expect(verbs().at(-1)).toBe('DELETE');
  });

  it.each<[string, PodObject['status'], string]>([
    ['has ended', { containerStatuses: [{ state: { terminated: { exitCode: 1 } } }] }, 'failed'],
    ['was evicted', { phase: 'Failed', reason: 'Evicted' }, 'failed'],
    [
      'is being made',
      { containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] },
      'waiting',
    ],
  ])('is seen to be one that %s', (_, status, kind) => {
    expect(judgePodState({ status }).kind).toBe(kind);
  });
});
