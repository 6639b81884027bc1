import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadAgentConfig } from '../../src/agent/config.ts';
import type { AgentConfig } from '../../src/agent/config-schema.ts';
import {
  createGuardSide,
  type GuardSide,
  guardRunOf,
  guardSocketOf,
} from '../../src/agent/guard-side.ts';
import { createRandom, systemClock } from '../../src/base/index.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

let config: AgentConfig;
let side: GuardSide | undefined;
let lines: LogLine[];
let hear: (line: LogLine) => void;

beforeEach(async () => {
  const directory = join(tempDir(), 'run');
  mkdirSync(directory);
  const defaults = await loadAgentConfig({}, {});
  config = { ...defaults, socket: join(directory, 'agent.sock'), logLevel: 'silent' };
  hear = () => undefined;
});

afterEach(async () => {
  await side?.stop();
  side = undefined;
});

function begin(env: Record<string, string> = {}): GuardSide {
  const recording = createRecordingLog((line) => hear(line));
  lines = recording.lines;
  const random = createRandom(3);
  side = createGuardSide({ config, env, clock: systemClock, random, log: recording.log });
  return side;
}

/** Resolves with the next line of that event. */
function next(event: string): Promise<LogLine> {
  return new Promise((resolve) => {
    hear = (line) => {
      if (line.event === event) resolve(line);
    };
  });
}

async function pidOfLive(): Promise<number> {
  const { fields } = await next('guard-live');
  return Number(fields.pid);
}

/** Resolves when a process that is no child to wait for is gone. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await systemClock.sleep(20);
  }
  return false;
}

describe('the guard of an agent', () => {
  it('is a child that is started, started again when it dies, and leaves with the agent', async () => {
    const live = pidOfLive();
    const guard = begin();
    const first = await live;
    expect(guard.status()).toEqual({ state: 'live', pid: first });
    const again = pidOfLive();
    process.kill(first, 'SIGKILL');
    const second = await again;
    expect(second).not.toBe(first);
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'guard-ended', fields: { pid: first, why: 'SIGKILL' } }),
    );
    await guard.stop();
    expect(await isGone(second)).toBe(true);
  });

  it('is the one that an earlier agent left behind', async () => {
    const live = pidOfLive();
    const before = begin();
    const pid = await live;
    const found = pidOfLive();
    const after = createGuardSide({
      ...{ config, env: {}, clock: systemClock, random: createRandom(4) },
      log: createRecordingLog((line) => hear(line)).log,
    });
    expect(await found).toBe(pid);
    await before.stop();
    await after.stop();
    expect(await isGone(pid)).toBe(true);
  });

  it('is not started where a sidecar runs it', async () => {
    const absent = next('guard-absent');
    const guard = begin({ STILLPOINT_GUARD: 'sidecar' });
    await absent;
    expect(guard.status().state).toBe('absent');
    expect(lines.map(({ event }) => event)).toEqual(['guard-absent']);
  });

  it('is nobody where the configuration wants none', () => {
    config = { ...config, guard: { run: 'none' } };
    const guard = begin();
    expect(guard.lease).toBeUndefined();
    expect(guard.status()).toEqual({ state: 'absent', why: 'guard.run is none' });
  });

  it.each([
    ['auto', {}, 'child'],
    ['auto', { STILLPOINT_GUARD: 'sidecar' }, 'sidecar'],
    ['child', { STILLPOINT_GUARD: 'sidecar' }, 'child'],
    ['sidecar', {}, 'sidecar'],
    ['none', { STILLPOINT_GUARD: 'sidecar' }, 'none'],
  ] as const)('with run %s and %j is %s', (run, env, expected) => {
    expect(guardRunOf({ guard: { run } }, env)).toBe(expected);
  });

  it('listens beside the agent unless a place is named', () => {
    expect(guardSocketOf({ guard: { run: 'auto' }, socket: '/run/a/agent.sock' })).toBe(
      '/run/a/guard.sock',
    );
    const guard = { run: 'auto', socket: '/run/b.sock' } as const;
    expect(guardSocketOf({ guard, socket: '/run/a/agent.sock' })).toBe('/run/b.sock');
  });
});
