import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { diskOf, readStatus, type StatusOptions } from '../../src/agent/status.ts';
import type { Backend } from '../../src/capture/index.ts';
import type { Source, SourceStatus } from '../../src/sources/index.ts';
import { rulesOf } from '../rules/support/bench.ts';
import { addArchive, startedArchives } from '../support/archive-directory.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { triggerOf } from '../support/outcomes.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { createTestDispatcher, settle } from './support/parts.ts';

const tempDir = useTempDirs();

function source(name: string, status: SourceStatus, dropped = {}): Source {
  return {
    name,
    status: () => status,
    dropped: () => dropped,
    start: async () => undefined,
    stop: async () => undefined,
  };
}

function backend(name: Backend['name'], kind: 'available' | 'absent', why: string): Backend {
  return { name, availability: async () => ({ kind, why }) } as Backend;
}

async function rig(changes: Partial<StatusOptions> = {}) {
  const clock = createFakeClock();
  const archives = await startedArchives(tempDir(), clock);
  let finish: () => void = () => undefined;
  const dispatcher = createTestDispatcher(clock, async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    return 'begun';
  });
  const options: StatusOptions = {
    version: '1.2.3',
    node: 'node-1',
    startedMs: clock.wallMs(),
    mode: 'enforce',
    configWarnings: [],
    observed: [],
    passedOver: [],
    capturesPerHourMax: 6,
    sources: [source('pods', { state: 'live', sinceMs: 1 }, { malformed: 2 })],
    backends: [backend('cri', 'absent', 'no socket'), backend('kubelet', 'available', 'https://n')],
    dispatcher,
    archives,
    evictionHard: () => undefined,
    ruleSet: () => ({
      rules: rulesOf({ live: 'when: { event: { reason: Unhealthy } }\ntarget: {}' }),
      policies: [],
      warnings: [],
    }),
    recording: () => undefined,
    guard: () => ({ state: 'live', pid: 7 }),
    refused: () => undefined,
    warnings: () => [],
    archivesProblem: () => undefined,
    stuck: () => [],
    ...changes,
  };
  return { options, dispatcher, archives, finish: () => finish() };
}

describe('the status', () => {
  it('shows sources, backends and rules', async () => {
    const { options } = await rig();
    expect(await readStatus(options)).toMatchObject({
      version: '1.2.3',
      node: 'node-1',
      sources: [{ name: 'pods', status: { state: 'live' }, dropped: { malformed: 2 } }],
      backends: [
        { name: 'cri', state: 'absent', why: 'no socket' },
        { name: 'kubelet', state: 'available', why: 'https://n' },
      ],
      rules: { loaded: [{ id: 'live', kind: 'event', mode: 'enforce' }], policies: [] },
      recent: [],
    });
  });

  it('shows what runs, what waits, and what came of the last triggers, newest first', async () => {
    const { options, dispatcher, finish } = await rig();
    dispatcher.start();
    dispatcher.offer(fireOn(targetOf('a')));
    dispatcher.offer(fireOn(targetOf('b'), { rule: 'rule-b' }));
    await settle();
    const status = await readStatus(options);
    expect(status.captures).toMatchObject({
      waiting: 1,
      running: { target: 'shop/cart-a/app', rule: 'rule-a' },
      paused: false,
      usedThisHour: 1,
      perHourMax: 6,
    });
    expect(status.recent).toMatchObject([
      {
        target: 'shop/cart-b/app',
        rule: 'rule-b',
        state: 'queued',
        detail: 'test',
        trail: [{ part: 'when.event.reason', holds: true }],
      },
      { target: 'shop/cart-a/app', state: 'queued' },
    ]);
    finish();
  });

  it('shows twenty triggers at most', async () => {
    const { options, dispatcher } = await rig();
    for (let n = 0; n < 25; n++) dispatcher.journal.insert({ ...triggerOf(), id: `t${n}` });
    const { recent } = await readStatus(options);
    expect(recent).toHaveLength(20);
    expect(recent[0]?.id).toBe('t24');
  });

  it('tells our archives from those of others, which fill the same disk', async () => {
    const { options, archives } = await rig();
    await addArchive(archives, 'checkpoint-a_shop-app-2026-01-01T00:00:00.100Z.tar');
    const path = await addArchive(archives, 'checkpoint-b_shop-app-2026-01-01T00:00:00.100Z.tar');
    await archives.records.beginRemoval('checkpoint-b_shop-app-2026-01-01T00:00:00.100Z.tar');
    await archives.refresh();
    expect(path).toContain('checkpoint-b');
    const { archives: counts } = await readStatus(options);
    expect(counts).toEqual({ ours: 1, oursBytes: 10, foreign: 1, foreignBytes: 10 });
  });

  it('shows observing as the mode of every rule, and what would have been captured', async () => {
    const seen = { acceptedMs: 7_000, target: 'shop/cart/app', rule: 'live', state: 'observed' };
    const { options } = await rig({
      mode: 'observe',
      observed: [{ id: '', ...seen }],
      passedOver: [
        { rule: 'live', reason: 'not-selected', count: 3 },
        { rule: 'other', reason: 'no-match', count: 9 },
      ],
      configWarnings: ['nats: changed'],
    });
    expect(await readStatus(options)).toMatchObject({
      mode: 'observe',
      warnings: ['nats: changed'],
      rules: { loaded: [{ id: 'live', mode: 'observe', passedOver: { 'not-selected': 3 } }] },
      recent: [seen],
    });
  });

  it('mixes what was captured and what was observed, newest first', async () => {
    const seen = { id: '', target: 'shop/cart/app', rule: 'live', state: 'observed' };
    const { options, dispatcher } = await rig();
    dispatcher.offer(fireOn(targetOf('a')));
    const { startedMs } = options;
    const observed = [
      { ...seen, acceptedMs: startedMs + 1 },
      { ...seen, acceptedMs: startedMs - 1 },
    ];
    const { recent } = await readStatus({ ...options, observed });
    expect(recent.map(({ state }) => state === 'observed')).toEqual([true, false, true]);
  });

  it('names what is wrong with files, rules and directory', async () => {
    const { options } = await rig({
      refused: () => 'rules/a.yaml:3:1 unknown key',
      warnings: () => ['no-source: rule leak'],
      archivesProblem: () => 'read-only',
    });
    const { rules, disk } = await readStatus(options);
    expect(rules).toMatchObject({
      refused: expect.stringContaining('a.yaml'),
      warnings: [expect.stringMatching('leak')],
    });
    expect(disk.problem).toBe('read-only');
  });

  it('names what a capture left standing still', async () => {
    const { options } = await rig({
      stuck: () => [{ target: targetOf('a'), sinceMs: 5, tries: 3 }],
    });
    const { stuck } = (await readStatus(options)).captures;
    const { containerId } = targetOf('a');
    expect(stuck).toEqual([{ target: 'shop/cart-a/app', containerId, sinceMs: 5, tries: 3 }]);
  });
});

describe('the disk', () => {
  it("is shown with the kubelet's floor", () => {
    const path = tempDir();
    const percent = diskOf(path, { 'nodefs.available': '50%' });
    const defaults = diskOf(path, undefined);
    expect(percent.floorBytes).toBeGreaterThan(defaults.floorBytes ?? Number.NaN);
    expect(percent.availableBytes).toBeGreaterThan(0);
  });

  it('of a directory that is away is a problem, not an error', () => {
    const path = join(tempDir(), 'none');
    expect(diskOf(path, undefined)).toMatchObject({ path, problem: expect.any(String) });
    mkdirSync(path);
    expect(diskOf(path, undefined).problem).toBeUndefined();
  });

  it('says that the directory cannot be written, beside its space', () => {
    const path = join(tempDir(), 'no-directory');
    writeFileSync(path, '', { mode: 0o600 });
    expect(diskOf(path, undefined)).toMatchObject({
      availableBytes: expect.any(Number),
      problem: expect.stringMatching(/^cannot be written: EACCES/),
    });
  });
});
