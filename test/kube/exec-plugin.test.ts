import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runExecPlugin } from '../../src/kube/exec-plugin.ts';
import { createFakeClock } from '../support/fake-clock.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stillpoint-plugin-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function run(script: string, clock = createFakeClock()) {
  const command = join(directory, 'plugin.sh');
  await writeFile(command, `#!/bin/sh\n${script}\n`);
  await chmod(command, 0o755);
  return runExecPlugin({ command, args: ['a b'], env: {} }, { PATH: process.env.PATH }, clock);
}

describe('a credential plugin', () => {
  it('gives a client certificate with its expiry', async () => {
    const status = `"clientCertificateData":"C","clientKeyData":"K"`;
    const times = `"expirationTimestamp":"2026-01-01T00:30:00Z"`;
    expect(await run(`printf '{"status":{${status},${times}}}'`)).toEqual({
      cert: 'C',
      key: 'K',
      expiresAtMs: Date.UTC(2026, 0, 1, 0, 30),
    });
  });

  it('gets its arguments as they are', async () => {
    expect(await run(`printf '{"status":{"token":"%s"}}' "$1"`)).toMatchObject({ token: 'a b' });
  });

  it.each([
    ['nothing', 'exit 0', 'printed no ExecCredential'],
    ['no credential', `printf '{"status":{}}'`, 'neither token nor clientCertificateData'],
    ['an error', 'echo "please sign in" >&2; exit 3', 'ended with 3: please sign in'],
  ])('that prints %s is refused with its words', async (_, script, words) => {
    await expect(run(script)).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining(words),
    });
  });

  it('that does not exist is named', async () => {
    const missing = { command: join(directory, 'no-such-plugin'), args: [], env: {} };
    await expect(runExecPlugin(missing, {}, createFakeClock())).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('no-such-plugin'),
    });
  });

  it('that hangs is given up after a minute and killed, its children too', async () => {
    const clock = createFakeClock();
    const fifo = join(directory, 'pid');
    execFileSync('mkfifo', [fifo]);
    const givenUp = expect(run(`sleep 1000 & echo $! > "${fifo}"; wait`, clock)).rejects;
    const late = givenUp.toMatchObject({ code: 'timeout' });
    const pid = Number(await readFile(fifo, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    await clock.advance(60_000);
    await late;
    while (isAlive(pid)) await turn();
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // ESRCH, the only other outcome for a process of our own.
    return false;
  }
}
