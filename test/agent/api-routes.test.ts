import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { createApiRoutes } from '../../src/agent/api-routes.ts';
import type { ApiHandler } from '../../src/agent/api-server.ts';
import type { AgentStatus, CaptureProgress, PruneReply } from '../../src/agent/api-types.ts';
import { createIntake } from '../../src/agent/intake.ts';
import { createRandom, silentLogger } from '../../src/base/index.ts';
import type { Trigger } from '../../src/dispatch/index.ts';
import type { TriggerOutcome } from '../../src/outputs/index.ts';
import { createRetention } from '../../src/retention/index.ts';
import { createDenyList, createRulesCore, createRulesState } from '../../src/rules/index.ts';
import { id, pod, podChanged, running } from '../rules/support/bench.ts';
import { addArchive, startedArchives } from '../support/archive-directory.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { failed, recordOf } from '../support/outcomes.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { createHeardFacts, createTestDispatcher, settle } from './support/parts.ts';

const tempDir = useTempDirs();
const BODY = { namespace: 'shop', pod: 'cart', via: 'auto', by: 'cli, user ada' };

/** What the test says that the capture of a trigger does; it tells the facts itself. */
type Play = (trigger: Trigger, one: Rig) => Promise<void>;

async function rig(play: Play = async () => undefined) {
  const clock = createFakeClock();
  const heard = createHeardFacts(clock);
  const archives = await startedArchives(tempDir(), clock);
  const dispatcher = createTestDispatcher(clock, async (trigger) => {
    await play(trigger, made);
    return 'begun';
  });
  dispatcher.start();
  const core = createRulesCore([], { nodeName: 'node-1', denyList: createDenyList({}) });
  const intake = createIntake({
    onMistake: (error) => {
      throw error;
    },
    clock,
    facts: heard.facts,
    core,
    state: createRulesState(),
    offer: (decision) => dispatcher.offer(decision),
    onPods: () => undefined,
  });
  const retention = createRetention({
    archives,
    clock,
    log: silentLogger,
    policies: [
      {
        name: 'newest',
        classes: ['crash'],
        groupBy: ['pod'],
        keep: { last: 1 },
        limits: { maxCount: 1 },
        minKeep: 1,
        cron: '0 0 1 1 *',
        timeZone: 'UTC',
      },
    ],
  });
  const routes = createApiRoutes({
    intake,
    dispatcher,
    archives,
    retention,
    facts: heard.facts,
    clock,
    random: createRandom(1),
    status: async () => ({ version: '1.2.3' }) as AgentStatus,
    explain: ({ namespace, pod }) => [
      { namespace, pod, container: 'app', containerId: '', state: 'running', rules: [] },
    ],
  });
  const hungUp = new AbortController();
  const stopping = new AbortController();
  const sent: CaptureProgress[] = [];
  const call = async (route: string, body?: unknown) => {
    const handler: ApiHandler | undefined = routes[route];
    if (!handler) throw new Error(`no ${route}`);
    const send = (line: unknown) => void sent.push(line as CaptureProgress);
    return handler({
      params: {},
      body,
      send,
      signal: hungUp.signal,
      stopping: stopping.signal,
    });
  };
  intake.take(podChanged(pod()));
  const made = { clock, heard, archives, dispatcher, intake, sent, hungUp, stopping, call };
  return made;
}

interface Rig extends Awaited<ReturnType<typeof rig>> {}

function end(one: Rig, outcome: TriggerOutcome): void {
  one.heard.facts.tell({ kind: 'ended', outcome });
}

const timings = { startedAtMs: 1, queuedMs: 2, guardMs: 3, checkpointMs: 300, frozenMs: 100 };

const capturedAndKept: Play = async (trigger, one) => {
  const { facts } = one.heard;
  facts.tell({ kind: 'capturing', trigger });
  await settle();
  facts.tell({
    kind: 'capture-ended',
    outcome: {
      kind: 'captured',
      trigger,
      backend: 'cri',
      backendReason: '',
      archivePath: '/a',
      predictedFreezeMs: 1,
      timings,
    },
  });
  await settle();
  end(one, { kind: 'archived', trigger, record: recordOf(trigger) });
};

describe('a capture that a person asks for', () => {
  it('is told step by step, until the archive is there', async () => {
    const one = await rig(capturedAndKept);
    const last = await one.call('POST /v1/captures', BODY);
    expect(one.sent).toMatchObject([
      { kind: 'accepted', target: 'shop/cart/app' },
      { kind: 'capturing' },
      { kind: 'verifying', backend: 'cri', checkpointMs: 300, frozenMs: 100 },
    ]);
    expect(last).toMatchObject({ kind: 'done', record: { pod: 'cart', backend: 'cri' } });
    const [decision] = one.heard.of('decision');
    expect(decision?.decision.signal.data).toMatchObject({ by: 'cli, user ada' });
  });

  it.each<[string, (trigger: Trigger) => TriggerOutcome, Partial<CaptureProgress>]>([
    [
      'refused by a guard',
      (trigger) => ({ kind: 'refused', trigger, reason: 'disk-low', detail: '3 GiB' }),
      { kind: 'refused', reason: 'disk-low', detail: '3 GiB' },
    ],
    [
      'failed',
      (trigger) => failed(trigger),
      { kind: 'failed', class: 'established-tcp', message: 'criu failed: type NOTIFY errno 0' },
    ],
    [
      'broken',
      (trigger) => ({ kind: 'broken', trigger, archive: 'checkpoint-x.tar', findings: ['cut'] }),
      { kind: 'broken', archive: 'checkpoint-x.tar', findings: ['cut'] },
    ],
  ])('can end as %s', async (_, outcomeOf, expected) => {
    const one = await rig(async (trigger, made) => end(made, outcomeOf(trigger)));
    expect(await one.call('POST /v1/captures', BODY)).toMatchObject(expected);
  });

  it('listens to its own trigger only', async () => {
    const one = await rig(async (trigger, made) => {
      const other = { ...trigger, id: 'other' };
      made.heard.facts.tell({ kind: 'capturing', trigger: other });
      end(made, failed(other));
      end(made, { kind: 'archived', trigger, record: recordOf(trigger) });
    });
    expect(await one.call('POST /v1/captures', BODY)).toMatchObject({ kind: 'done' });
    expect(one.sent).toMatchObject([{ kind: 'accepted' }]);
  });

  it.each<[string, object, Partial<CaptureProgress>]>([
    ['is not known', { pod: 'none' }, { reason: 'target-unknown' }],
    ['is on the deny list', { namespace: 'kube-system' }, { reason: 'denied' }],
    ['is not the only one', { pod: 'two' }, { reason: 'target-ambiguous' }],
  ])('is refused at once when the container %s', async (_, changes, expected) => {
    const one = await rig();
    const two = [running('a', { containerId: id('bb') }), running('b', { containerId: id('cc') })];
    one.intake.take(podChanged(pod({ name: 'two', uid: 'u2', containers: two })));
    const system = { namespace: 'kube-system', uid: 'u3', containers: [running()] };
    one.intake.take(podChanged(pod(system)));
    const last = await one.call('POST /v1/captures', { ...BODY, ...changes });
    expect(last).toMatchObject({ kind: 'refused', ...expected });
    expect(one.sent).toEqual([]);
  });

  it('is refused while captures are paused', async () => {
    const one = await rig();
    expect(await one.call('POST /v1/pause')).toEqual({ paused: true });
    expect(await one.call('POST /v1/captures', BODY)).toMatchObject({
      kind: 'refused',
      reason: 'paused',
    });
    expect(await one.call('POST /v1/resume')).toEqual({ paused: false });
    expect(one.dispatcher.status().paused).toBe(false);
  });

  it('joins the capture that runs already', async () => {
    let finish: () => void = () => undefined;
    const one = await rig(async (trigger, made) => {
      await new Promise<void>((resolve) => (finish = resolve));
      end(made, { kind: 'archived', trigger, record: recordOf(trigger) });
    });
    const first = one.call('POST /v1/captures', BODY);
    await settle();
    const second = one.call('POST /v1/captures', BODY);
    await settle();
    finish();
    expect(await first).toMatchObject({ kind: 'done' });
    expect(await second).toMatchObject({ kind: 'done' });
    const triggers = one.sent.map((line) => line.kind === 'accepted' && line.trigger);
    expect(new Set(triggers).size).toBe(1);
  });

  it('tells that it joined another in whose way the capture is made', async () => {
    let finish: () => void = () => undefined;
    const one = await rig(async (trigger, made) => {
      await new Promise<void>((resolve) => (finish = resolve));
      end(made, { kind: 'archived', trigger, record: recordOf(trigger) });
    });
    const first = one.call('POST /v1/captures', { ...BODY, via: 'cri' });
    await settle();
    const second = one.call('POST /v1/captures', { ...BODY, via: 'kubelet' });
    await settle();
    finish();
    expect(await first).not.toHaveProperty('joined');
    const joined = { rule: 'request', via: 'cri' };
    expect(await second).toMatchObject({ kind: 'done', joined });
    expect(one.sent).toMatchObject([{ kind: 'accepted' }, { kind: 'accepted', joined }]);
  });

  it.each([
    ['queued', 'requeue'],
    ['checkpointing', 'thaw-and-look'],
    ['verifying', 'verify'],
    ['recorded', 'nothing'],
  ] as const)('is told what becomes of it when the agent stops at %s', async (state, then) => {
    const one = await rig(async () => new Promise(() => undefined));
    const asked = one.call('POST /v1/captures', BODY);
    await settle();
    const trigger = one.dispatcher.journal.recent(1)[0]?.trigger.id ?? '';
    one.dispatcher.journal.note(trigger, state);
    one.stopping.abort();
    expect(await asked).toEqual({ kind: 'stopped', trigger, then });
  });

  it('goes on without the one who asked, when he hangs up', async () => {
    let finish: () => void = () => undefined;
    const one = await rig(async (trigger, made) => {
      await new Promise<void>((resolve) => (finish = resolve));
      end(made, { kind: 'archived', trigger, record: recordOf(trigger) });
    });
    const asked = one.call('POST /v1/captures', BODY);
    await settle();
    one.hungUp.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    expect(one.dispatcher.status().running).toBeDefined();
    finish();
    await settle();
    expect(one.heard.of('ended')).toMatchObject([{ outcome: { kind: 'archived' } }]);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an unknown key', { ...BODY, force: true }],
    ['an unknown backend', { ...BODY, via: 'ptrace' }],
    ['no pod', { namespace: 'shop', via: 'auto', by: '' }],
    ['a name that is too long', { ...BODY, pod: 'x'.repeat(254) }],
  ])('is refused with %s as its body', async (_, body) => {
    const one = await rig();
    await expect(one.call('POST /v1/captures', body)).rejects.toMatchObject({ code: 'bad-input' });
    expect(one.heard.of('decision')).toEqual([]);
  });
});

describe('prune', () => {
  const OLD = 'checkpoint-cart_shop-app-2026-01-01T00:00:00.100Z.tar';
  const NEW = 'checkpoint-cart_shop-app-2026-01-01T00:00:01.100Z.tar';

  async function twoArchives() {
    const one = await rig();
    const old = await addArchive(one.archives, OLD, { createdMs: 1_000 });
    const young = await addArchive(one.archives, NEW, { createdMs: 2_000 });
    return { ...one, old, young };
  }

  it('shows the plan in a dry run, and removes nothing', async () => {
    const { call, old } = await twoArchives();
    const reply = (await call('POST /v1/prune', { dryRun: true })) as PruneReply;
    expect(reply).toMatchObject({ dryRun: true, removedBytes: 0, leftBytes: 20, unmet: [] });
    expect(reply.items).toMatchObject([
      {
        archive: OLD,
        result: 'would-remove',
        policy: 'newest',
        reasons: [expect.stringMatching(/nothing in its policy keeps it/)],
      },
      {
        archive: NEW,
        result: 'kept',
        policy: 'newest',
        reasons: [expect.any(String), expect.any(String)],
      },
    ]);
    expect(existsSync(old)).toBe(true);
  });

  it('carries the same plan out', async () => {
    const { call, old, young } = await twoArchives();
    const reply = (await call('POST /v1/prune', { dryRun: false })) as PruneReply;
    expect(reply).toMatchObject({ dryRun: false, removedBytes: 10, leftBytes: 10 });
    expect(reply.items).toMatchObject([
      { archive: OLD, result: 'removed' },
      { archive: NEW, result: 'kept' },
    ]);
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  it('stops between two archives when the one who asked hangs up', async () => {
    const { call, hungUp, old } = await twoArchives();
    hungUp.abort();
    const reply = (await call('POST /v1/prune', { dryRun: false })) as PruneReply;
    expect(reply.items[0]).toMatchObject({ archive: OLD, result: 'held-back' });
    expect(reply.items[0]?.detail).toContain('asked to stop');
    expect(existsSync(old)).toBe(true);
  });

  it('names a limit that the protected ones exceed', async () => {
    const one = await rig();
    for (const [index, podName] of ['a', 'b'].entries()) {
      const name = `checkpoint-${podName}_shop-app-2026-01-01T00:00:00.100Z.tar`;
      await addArchive(one.archives, name, { pod: podName, createdMs: 1_000 + index });
    }
    const reply = (await one.call('POST /v1/prune', { dryRun: true })) as PruneReply;
    expect(reply.unmet).toEqual(['newest: max-count allows 1, 2 are left']);
  });

  it('asks for dryRun in words', async () => {
    const { call } = await rig();
    await expect(call('POST /v1/prune', {})).rejects.toMatchObject({ code: 'bad-input' });
  });
});

describe('status', () => {
  it('is read when it is asked for', async () => {
    const { call } = await rig();
    expect(await call('GET /v1/status')).toEqual({ version: '1.2.3' });
  });
});
