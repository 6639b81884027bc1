import { appendFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createLateArchives, type LateArchives } from '../../src/agent/late-archives.ts';
import { createArchives } from '../../src/archive/index.ts';
import { archiveName } from '../../src/capture/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { captureRequest } from '../support/capture-request.ts';
import { checkpointTar } from '../support/checkpoint-archive.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { createHeardFacts } from './support/parts.ts';

const tempDir = useTempDirs();
const running: LateArchives[] = [];
afterEach(async () => {
  for (const late of running.splice(0)) await late.stop();
});

const { archivePath: _, ...REQUEST } = captureRequest('/unused');
const { target } = REQUEST.trigger;
/** What the clock says when the captures of these tests began. */
const BEGUN_MS = Date.UTC(2026, 0, 1);
const OURS = archiveName(target, BEGUN_MS + 123);
const KUBELETS = OURS.replace('.123Z', 'Z');

interface Place {
  directory: string;
  store: Store;
  clock: FakeClock;
}

function rig(place: Partial<Place> = {}) {
  const directory = place.directory ?? tempDir();
  const { store = openStore(':memory:'), clock = createFakeClock(BEGUN_MS) } = place;
  const { log, lines } = createRecordingLog();
  const heard = createHeardFacts(clock);
  const archives = createArchives({ directory, store, clock });
  const adopted: string[] = [];
  const late = createLateArchives({
    archives,
    store,
    clock,
    log,
    facts: heard.facts,
    onAdopted: (trigger, path) => adopted.push(`${trigger} ${path}`),
  });
  running.push(late);
  return {
    directory,
    store,
    clock,
    lines,
    late,
    heard,
    archives,
    adopted,
    path: (name: string) => join(directory, name),
    /** So many looks, five seconds apart; each may take real time on the disk. */
    async looks(count: number) {
      for (let look = 0; look < count; look++) {
        await clock.advance(5_000);
        await late.settled();
      }
    },
  };
}

type Rig = ReturnType<typeof rig>;

async function prepared(place?: Partial<Place>): Promise<Rig> {
  const made = rig(place);
  await made.archives.start();
  return made;
}

const request = {
  ...REQUEST,
  timings: { ...REQUEST.timings, startedAtMs: BEGUN_MS },
};

function expectOurs(one: Rig): void {
  one.late.expect({ path: one.path(OURS), sinceMs: BEGUN_MS }, request);
}

function expectKubelets(one: Rig): void {
  one.late.expect({ sinceMs: BEGUN_MS + 400 }, { ...request, backend: 'kubelet' });
}

describe('an archive that appears after its capture was given up', () => {
  it.each([
    ['cri', OURS, expectOurs],
    ['kubelet', KUBELETS, expectKubelets],
  ] as const)('is adopted when %s had named it', async (_, name, expectIt) => {
    const one = await prepared();
    expectIt(one);
    await one.looks(2);
    writeFileSync(one.path(name), checkpointTar());
    await one.looks(2);
    expect(one.adopted).toEqual([`trigger-1 ${one.path(name)}`]);
    expect(one.heard.of('ended')).toMatchObject([
      { outcome: { kind: 'archived', record: { archive: name, trigger: { id: 'trigger-1' } } } },
    ]);
    expect(one.archives.catalog.list()).toMatchObject([{ name, standing: { kind: 'recorded' } }]);
    expect(one.clock.waiting()).toBe(0);
  });

  it('is not read while it grows', async () => {
    const one = await prepared();
    expectOurs(one);
    const whole = checkpointTar();
    writeFileSync(one.path(OURS), whole.subarray(0, 100));
    for (let at = 100; at < 2_000; at += 500) {
      await one.looks(1);
      appendFileSync(one.path(OURS), whole.subarray(at, at + 500));
      expect(one.adopted).toEqual([]);
    }
    writeFileSync(one.path(OURS), whole);
    await one.looks(2);
    expect(one.adopted).toHaveLength(1);
  });

  it('is left alone while it is broken, and removed after a quarter of an hour', async () => {
    const one = await prepared();
    expectOurs(one);
    writeFileSync(one.path(OURS), checkpointTar().subarray(0, 3_000));
    await one.looks(179);
    expect(existsSync(one.path(OURS))).toBe(true);
    await one.looks(1);
    expect(existsSync(one.path(OURS))).toBe(false);
    expect(one.heard.of('ended')).toEqual([]);
    expect(one.clock.waiting()).toBe(0);
  });

  it('is removed after three looks when the runtime had said that it failed', async () => {
    const one = await prepared();
    const late = { sinceMs: BEGUN_MS + 400, endedMs: BEGUN_MS + 7_000 };
    one.late.expect(late, { ...request, backend: 'kubelet' });
    const later = archiveName(target, BEGUN_MS + 8_000).replace('.000Z', 'Z');
    for (const name of [KUBELETS, later]) {
      writeFileSync(one.path(name), checkpointTar().subarray(0, 3_000));
    }
    await one.looks(2);
    expect(existsSync(one.path(KUBELETS))).toBe(true);
    await one.looks(1);
    expect(existsSync(one.path(KUBELETS))).toBe(false);
    // Begun after the reply: another's.
    expect(existsSync(one.path(later))).toBe(true);
    expect(one.clock.waiting()).toBe(0);
  });

  it('is removed even when the look before the last one took long', async () => {
    const one = await prepared();
    expectOurs(one);
    writeFileSync(one.path(OURS), checkpointTar().subarray(0, 3_000));
    await one.looks(178);
    const { adopt } = one.archives;
    let goOn: () => void = () => undefined;
    one.archives.adopt = async (...asked) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      return adopt(...asked);
    };
    // The look at 14:55 is still reading when the quarter of an hour is over.
    await one.clock.advance(5_000);
    await one.clock.advance(10_000);
    goOn();
    await one.looks(2);
    expect(existsSync(one.path(OURS))).toBe(false);
    expect(one.clock.waiting()).toBe(0);
  });

  it('is removed later when it still grows after a quarter of an hour', async () => {
    const one = await prepared();
    expectOurs(one);
    await one.looks(179);
    writeFileSync(one.path(OURS), checkpointTar().subarray(0, 2_000));
    await one.looks(1);
    appendFileSync(one.path(OURS), 'more');
    await one.looks(1);
    expect(existsSync(one.path(OURS))).toBe(true);
    await one.looks(1);
    expect(existsSync(one.path(OURS))).toBe(false);
  });

  it.each<[string, string]>([
    ['begun a minute later by hand', archiveName(target, BEGUN_MS + 60_000).replace('.000Z', 'Z')],
    ['begun before', archiveName(target, BEGUN_MS - 60_000).replace('.000Z', 'Z')],
    ['with fractions, so from another backend', OURS],
    ['of another container', KUBELETS.replace('-app-', '-web-')],
    ['that is no archive', `${KUBELETS}.part`],
  ])('is not one %s', async (_, name) => {
    const one = await prepared();
    expectKubelets(one);
    writeFileSync(one.path(name), checkpointTar());
    await one.looks(181);
    expect(one.adopted).toEqual([]);
    expect(existsSync(one.path(name))).toBe(true);
  });

  it('is not the archive of another capture', async () => {
    const one = await prepared();
    const path = one.path(KUBELETS);
    writeFileSync(path, checkpointTar());
    await one.archives.keep({
      ...request,
      trigger: { ...request.trigger, id: 'other' },
      archivePath: path,
    });
    expectKubelets(one);
    await one.looks(181);
    expect(one.adopted).toEqual([]);
    expect(existsSync(path)).toBe(true);
  });

  it('is not what a link leads to', async () => {
    const one = await prepared();
    const elsewhere = join(tempDir(), 'precious.tar');
    writeFileSync(elsewhere, checkpointTar());
    symlinkSync(elsewhere, one.path(OURS));
    expectOurs(one);
    await one.looks(181);
    expect(one.adopted).toEqual([]);
    expect(existsSync(elsewhere)).toBe(true);
  });

  it('is still waited for when the directory is away for a while', async () => {
    const one = await prepared();
    expectOurs(one);
    rmSync(one.directory, { recursive: true });
    await one.looks(5);
    expect(one.lines).toMatchObject([{ level: 'warn', event: 'late-archive-not-read' }]);
    mkdirSync(one.directory);
    await one.archives.start();
    writeFileSync(one.path(OURS), checkpointTar());
    await one.looks(2);
    expect(one.adopted).toHaveLength(1);
  });

  it('is adopted after a restart, too', async () => {
    const before = await prepared();
    expectOurs(before);
    await before.looks(1);
    await before.late.stop();
    writeFileSync(before.path(OURS), checkpointTar());
    const after = rig(before);
    await after.archives.start();
    after.late.start();
    await after.looks(2);
    expect(after.adopted).toEqual([`trigger-1 ${after.path(OURS)}`]);
    const third = rig(before);
    third.late.start();
    expect(third.clock.waiting()).toBe(0);
  });

  it('is given time to be seen twice after a restart that took an hour', async () => {
    const before = await prepared();
    expectOurs(before);
    await before.late.stop();
    writeFileSync(before.path(OURS), checkpointTar());
    await before.clock.advance(3_600_000);
    const after = rig(before);
    after.late.start();
    await after.looks(3);
    expect(after.adopted).toHaveLength(1);
  });

  it('is waited for once, however often it is expected', async () => {
    const one = await prepared();
    expectOurs(one);
    expectOurs(one);
    writeFileSync(one.path(OURS), checkpointTar());
    await one.looks(4);
    expect(one.adopted).toHaveLength(1);
  });

  it('costs no timer when nobody waits, nor after a stop', async () => {
    const one = await prepared();
    expect(one.clock.waiting()).toBe(0);
    expectOurs(one);
    expect(one.clock.waiting()).toBe(1);
    await one.late.stop();
    expect(one.clock.waiting()).toBe(0);
  });
});
