import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type LogLevel, StillpointError } from '../../src/base/index.ts';
import { createLineLog } from '../../src/guard/log.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

async function logged(level: LogLevel, act: (log: ReturnType<typeof createLineLog>) => void) {
  const path = join(tempDir(), 'log');
  const descriptor = openSync(path, 'w');
  const log = createLineLog(createFakeClock(), level, descriptor);
  act(log);
  await log.flushed();
  closeSync(descriptor);
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

describe("the guard's log", () => {
  it('writes lines as the agent does, in order, errors as data', async () => {
    const lines = await logged('info', (log) => {
      log.with({ of: 'a' }).info('begun', { n: 1 });
      log.debug('unheard');
      log.error('failed', { error: new StillpointError({ code: 'io', message: 'm', hint: 'h' }) });
      log.warn('odd', { error: new Error('foreign') });
    });
    expect(lines).toEqual([
      { level: 'info', time: '2026-01-01T00:00:00.000Z', of: 'a', n: 1, event: 'begun' },
      expect.objectContaining({ error: { code: 'io', message: 'm', hint: 'h' } }),
      expect.objectContaining({
        error: { message: 'foreign', stack: expect.stringContaining('log.test') },
      }),
    ]);
  });

  it('keeps to its level', async () => {
    const all = (log: ReturnType<typeof createLineLog>) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level);
    };
    expect((await logged('warn', all)).map(({ event }) => event)).toEqual(['warn', 'error']);
    expect(await logged('silent', all)).toEqual([]);
    expect(await logged('debug', all)).toHaveLength(4);
  });

  it('drops what nobody takes off its hands', async () => {
    const lines = await logged('info', (log) => {
      for (let n = 0; n < 1_000; n++) log.info('flood', { n });
    });
    expect(lines.length).toBeLessThan(210);
    expect(lines.length).toBeGreaterThan(190);
  });

  it('goes on when its reader is gone', async () => {
    const path = join(tempDir(), 'log');
    const descriptor = openSync(path, 'w');
    closeSync(descriptor);
    const log = createLineLog(createFakeClock(), 'info', descriptor);
    log.info('unread');
    await expect(log.flushed()).resolves.toBeUndefined();
  });
});
