import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createCheckpointsDirectory } from '../../src/agent/checkpoints-directory.ts';
import { type Archives, createArchives } from '../../src/archive/index.ts';
import { openStore } from '../../src/store/index.ts';
import { checkpointTar } from '../support/checkpoint-archive.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { createTestDispatcher } from './support/parts.ts';

const tempDir = useTempDirs();

function rig(path: string) {
  const clock = createFakeClock();
  const store = openStore(':memory:');
  const { log, lines } = createRecordingLog();
  const real = createArchives({ directory: path, store, clock });
  const steps: Promise<unknown>[] = [];
  const noted = <T>(step: Promise<T>): Promise<T> => {
    steps.push(step.catch(() => undefined));
    return step;
  };
  const archives: Archives = {
    ...real,
    claim: () => noted(real.claim()),
    start: (...claims) => noted(real.start(...claims)),
  };
  const dispatcher = createTestDispatcher(clock, undefined, store);
  let ready = 0;
  const directory = createCheckpointsDirectory({
    archives,
    journal: dispatcher.journal,
    awaited: () => [],
    clock,
    log,
    onReady: () => ready++,
  });
  const retry = async () => {
    await clock.advance(10_000);
    // The second step begins once the first has ended.
    for (let known = 0; known < steps.length; ) {
      known = steps.length;
      await Promise.all(steps);
      await clock.advance(0);
    }
  };
  return { clock, lines, archives, dispatcher, directory, retry, ready: () => ready };
}

describe('the checkpoints directory', () => {
  it('is taken over at the start', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'checkpoint-by_hand-app-2026-01-01T00:00:00Z.tar'), checkpointTar());
    const { directory, ready, lines } = rig(path);
    expect(directory.problem()).toBeDefined();
    await directory.start();
    expect(directory.problem()).toBeUndefined();
    expect(ready()).toBe(1);
    expect(lines).toMatchObject([{ event: 'archives-found', fields: { foreign: 1, recorded: 0 } }]);
    expect(existsSync(join(path, '.stillpoint'))).toBe(true);
  });

  it('claims the archives that unfinished triggers name', async () => {
    const path = tempDir();
    const name = 'checkpoint-cart-a_shop-app-2026-01-01T00:00:00.123Z.tar';
    writeFileSync(join(path, name), checkpointTar());
    const { directory, dispatcher, archives } = rig(path);
    const accepted = dispatcher.offer(fireOn(targetOf('a')));
    if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
    const archivePath = join(path, name);
    dispatcher.journal.note(accepted.trigger.id, 'verifying', { archivePath });
    await directory.start();
    expect(archives.catalog.list()).toMatchObject([{ name, standing: { kind: 'unrecorded' } }]);
  });

  it('that cannot be written is named, once, and taken over when it can', async () => {
    // A file stands where its parent should be: root cannot write through that either.
    const parent = join(tempDir(), 'kubelet');
    writeFileSync(parent, '');
    const { directory, ready, retry, lines, clock } = rig(join(parent, 'checkpoints'));
    await directory.start();
    expect(directory.problem()).toContain(parent);
    expect(ready()).toBe(0);
    await retry();
    await retry();
    expect(lines).toMatchObject([{ level: 'error', event: 'checkpoints-directory-unusable' }]);
    rmSync(parent);
    mkdirSync(join(parent, 'checkpoints'), { recursive: true });
    await retry();
    expect(directory.problem()).toBeUndefined();
    expect(ready()).toBe(1);
    expect(clock.waiting()).toBe(0);
  });

  it('is not tried again after a stop', async () => {
    const parent = join(tempDir(), 'kubelet');
    writeFileSync(parent, '');
    const { directory, clock } = rig(join(parent, 'checkpoints'));
    await directory.start();
    directory.stop();
    expect(clock.waiting()).toBe(0);
  });

  it('is not tried again after a stop in the middle of the start', async () => {
    const parent = join(tempDir(), 'kubelet');
    writeFileSync(parent, '');
    const { directory, clock } = rig(join(parent, 'checkpoints'));
    const starting = directory.start();
    directory.stop();
    await starting;
    expect(clock.waiting()).toBe(0);
  });
});

describe('a checkpoints directory that another agent has', () => {
  it('is waited for, since that agent may be ending', async () => {
    const path = tempDir();
    const before = rig(path);
    await before.directory.claim();
    const { directory, clock, lines } = rig(path);
    const claimed = directory.claim();
    await tryAgain(clock, lines);
    before.directory.release();
    await clock.advance(250);
    await claimed;
    await directory.start();
    expect(directory.problem()).toBeUndefined();
    expect(lines.map(({ event }) => event)).toEqual(['waiting-for-other-agent', 'archives-found']);
    directory.release();
  });

  it('is a conflict that names it when the other one stays', async () => {
    const path = tempDir();
    const before = rig(path);
    await before.directory.claim();
    const { directory, clock, lines } = rig(path);
    const claimed = directory.claim();
    const refused = expect(claimed).rejects.toMatchObject({
      code: 'conflict',
      message: `another agent works on ${path}`,
      hint: expect.stringContaining('stop the other one'),
    });
    for (let waitedMs = 0; waitedMs < 15_000; waitedMs += 250) await tryAgain(clock, lines);
    await refused;
    before.directory.release();
  });

  it('is not touched, and no capture is begun, where that is found out only later', async () => {
    const parent = join(tempDir(), 'kubelet');
    writeFileSync(parent, '');
    const path = join(parent, 'checkpoints');
    const late = rig(path);
    await late.directory.claim();
    await late.directory.start();
    rmSync(parent);
    mkdirSync(path, { recursive: true });
    const other = rig(path);
    await other.directory.claim();
    await late.retry();
    expect(late.directory.problem()).toBe(`another agent works on ${path}`);
    await expect(late.archives.refresh()).rejects.toMatchObject({ code: 'conflict' });
    other.directory.release();
    await late.retry();
    expect(late.directory.problem()).toBeUndefined();
    await late.archives.refresh();
    late.directory.release();
  });
});

/** One wait of the clock; file access goes on in real time. */
async function tryAgain(clock: ReturnType<typeof rig>['clock'], lines: unknown[]) {
  while (clock.waiting() === 0 || lines.length === 0) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await clock.advance(250);
}
