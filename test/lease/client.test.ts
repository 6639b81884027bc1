import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRandom } from '../../src/base/index.ts';
import {
  createGuardLease,
  type GuardLease,
  type GuardStatus,
  type PauseIntent,
} from '../../src/lease/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { listenAsGuard, type ScriptedGuard } from './scripted-guard.ts';

const tempDir = useTempDirs();
const intent: PauseIntent = { containerId: 'a', via: 'task', cgroupVersion: 1 };

let socket: string;
let clock: FakeClock;
let guard: ScriptedGuard;
let lease: GuardLease;
let lines: LogLine[];
let changes: GuardStatus[];
let onChange: (status: GuardStatus) => void;

beforeEach(async () => {
  socket = join(tempDir(), 'guard.sock');
  clock = createFakeClock();
  changes = [];
  onChange = () => undefined;
  guard = await listenAsGuard(socket);
});

afterEach(async () => {
  await Promise.all([lease.stop(), guard.close()]);
});

function begin(): void {
  const recording = createRecordingLog();
  lines = recording.lines;
  lease = createGuardLease({
    ...{ socket, clock, log: recording.log, random: createRandom(1) },
    onChange(status) {
      changes.push(status);
      onChange(status);
    },
  });
}

/** Resolves with the next change between live and absent. */
function change(): Promise<GuardStatus> {
  return new Promise((resolve) => {
    onChange = resolve;
  });
}

async function beginLive(): Promise<void> {
  begin();
  const live = change();
  await guard.welcome();
  await live;
}

async function protectedBy(n: number) {
  const asked = lease.protect(intent);
  expect(await guard.next()).toEqual({ is: 'protect', protection: { n, intent } });
  guard.say({ is: 'protected', n });
  return asked;
}

describe('the lease', () => {
  it('is absent until the guard has said welcome', async () => {
    begin();
    expect(lease.status()).toEqual({ state: 'absent', why: 'not connected yet' });
    await expect(lease.protect(intent)).rejects.toMatchObject({ code: 'unreachable' });
    const live = change();
    const hello = await guard.welcome();
    expect(hello).toMatchObject({ version: 1, pid: process.pid, held: [] });
    expect(hello.bootId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await live).toEqual({ state: 'live', pid: 99 });
    expect(lines).toMatchObject([{ level: 'info', event: 'guard-live' }]);
  });

  it('finds a guard that comes later, and says once that there was none', async () => {
    await guard.close();
    const absent = change();
    begin();
    expect(await absent).toMatchObject({ state: 'absent', why: expect.stringContaining('ENOENT') });
    guard = await listenAsGuard(socket);
    const live = change();
    const welcomed = guard.welcome();
    await clock.advance(100);
    await welcomed;
    expect(await live).toEqual({ state: 'live', pid: 99 });
    expect(lines.map(({ event }) => event)).toEqual(['guard-absent', 'guard-live']);
  });

  it.each<[string, () => void, RegExp]>([
    [
      'says unwelcome',
      () => guard.say({ is: 'unwelcome', why: 'another kernel' }),
      /another kernel/,
    ],
    ['talks nonsense', () => guard.sayText('{"is":1}\n'), /is is 1/],
    ['talks without end', () => guard.sayText('x'.repeat(70_000)), /more than 65536 bytes/],
    ['hangs up', () => guard.hangUp(), /ended the connection/],
  ])('is absent when the guard %s', async (_, act, expected) => {
    await beginLive();
    const absent = change();
    act();
    expect(await absent).toMatchObject({ state: 'absent', why: expect.stringMatching(expected) });
    expect(lines.at(-1)).toMatchObject({ level: 'warn', event: 'guard-lost' });
  });

  it('is absent when the guard says no welcome in a second', async () => {
    begin();
    await guard.next();
    const absent = change();
    await clock.advance(1_000);
    expect(await absent).toEqual({ state: 'absent', why: 'no welcome in time' });
  });

  it('beats once a second while nothing is protected, and is absent when no beat is heard', async () => {
    await beginLive();
    await clock.advance(1_000);
    expect(await guard.next()).toEqual({ is: 'beat' });
    const absent = change();
    await clock.advance(3_000);
    expect(await absent).toEqual({ state: 'absent', why: 'the guard does not answer' });
  });

  it('ends what it waits for when it is stopped, and stays stopped', async () => {
    await beginLive();
    const asked = expect(lease.protect(intent)).rejects.toMatchObject({ code: 'unreachable' });
    await lease.stop();
    await asked;
    expect(lease.status()).toEqual({ state: 'absent', why: 'the agent stops' });
    await expect(lease.protect(intent)).rejects.toMatchObject({ code: 'unreachable' });
    expect(clock.waiting()).toBe(0);
  });
});

describe('a protection', () => {
  it('is given once the guard has acknowledged it, and beats ten times a second', async () => {
    await beginLive();
    const protection = await protectedBy(1);
    expect(protection.lapsed()).toBe(false);
    await clock.advance(100);
    await clock.advance(100);
    expect([await guard.next(), await guard.next()]).toEqual([{ is: 'beat' }, { is: 'beat' }]);
    protection.release();
    protection.release();
    expect(await guard.next()).toEqual({ is: 'release', n: 1 });
    await clock.advance(900);
    expect(guard.waiting()).toBe(0);
  });

  it('is refused after 50 ms without an answer, and taken back', async () => {
    await beginLive();
    const asked = lease.protect(intent);
    const rejected = expect(asked).rejects.toMatchObject({
      code: 'unreachable',
      message: 'guard process: no answer within 50 ms',
    });
    await guard.next();
    await clock.advance(50);
    await rejected;
    expect(await guard.next()).toEqual({ is: 'release', n: 1 });
  });

  it('is granted by an answer that was there when we, held up, looked at the time', async () => {
    await beginLive();
    const asked = lease.protect(intent);
    await guard.next();
    guard.say({ is: 'protected', n: 1 });
    await clock.advance(50);
    expect((await asked).lapsed()).toBe(false);
  });

  it('is refused with the reason of the guard', async () => {
    await beginLive();
    const asked = lease.protect(intent);
    await guard.next();
    guard.say({ is: 'refused', n: 1, why: 'frozen before' });
    await expect(asked).rejects.toMatchObject({
      code: 'refused',
      message: 'guard process: frozen before',
    });
  });

  it('that is not acknowledged when the guard is lost is refused at once', async () => {
    await beginLive();
    const asked = lease.protect(intent);
    await guard.next();
    guard.hangUp();
    await expect(asked).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('has lapsed for good when the guard says so', async () => {
    await beginLive();
    const protection = await protectedBy(1);
    guard.say({ is: 'resumed', n: 1, containerId: 'a', why: 'agent-silent' }, { is: 'heard' });
    // The next answer comes behind it on the same line.
    await protectedBy(2);
    expect(protection.lapsed()).toBe(true);
    expect(lines.at(-1)).toMatchObject({ level: 'warn', event: 'guard-has-resumed' });
  });

  it('has lapsed at the first look after a pause of our own, and stays so', async () => {
    await beginLive();
    const protection = await protectedBy(1);
    // Asked before any timer runs: what a process does that wakes up in the middle of its work.
    clock.monotonicMs = () => 450;
    expect(protection.lapsed()).toBe(true);
    await clock.advance(100);
    clock.monotonicMs = () => 451;
    expect(await guard.next()).toEqual({ is: 'beat' });
    expect(protection.lapsed()).toBe(true);
  });

  it.each<[string, number[], boolean]>([
    ['still holds', [], false],
    ['has resumed it', [1], true],
  ])(
    'may have lapsed while the guard is away; a guard that comes again %s',
    async (_, lapsed, expected) => {
      await beginLive();
      const protection = await protectedBy(1);
      const absent = change();
      guard.hangUp();
      await absent;
      expect(protection.lapsed()).toBe(true);
      const live = change();
      const welcomed = guard.welcome(lapsed);
      await clock.advance(100);
      expect(await welcomed).toMatchObject({ held: [{ n: 1, intent }] });
      await live;
      expect(protection.lapsed()).toBe(expected);
    },
  );

  it('that ends before a guard that comes again says welcome is taken back then', async () => {
    await beginLive();
    const protection = await protectedBy(1);
    const absent = change();
    guard.hangUp();
    await absent;
    await clock.advance(100);
    const hello = await guard.next();
    expect(hello).toMatchObject({ is: 'hello', held: [{ n: 1, intent }] });
    protection.release();
    const live = change();
    guard.say({ is: 'welcome', version: 1, pid: 99, lapsed: [] });
    await live;
    expect(await guard.next()).toEqual({ is: 'release', n: 1 });
  });
});
