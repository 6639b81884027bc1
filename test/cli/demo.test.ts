import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';

/** One demo in a process group and a temporary directory of its own. */
interface Demo {
  child: ChildProcess;
  tmp: string;
  said(): string;
  /** Resolves when it has said that. */
  says(text: string | RegExp): Promise<void>;
  ended: Promise<number | null>;
}

const demos: Demo[] = [];
afterAll(() => {
  for (const { child, tmp } of demos) {
    if (child.pid !== undefined && isAlive(child.pid)) process.kill(-child.pid, 'SIGKILL');
    rmSync(tmp, { recursive: true, force: true });
  }
});

function startDemo(...argv: string[]): Demo {
  const tmp = mkdtempSync(join(tmpdir(), 'sp-demo-'));
  const child = spawn(process.execPath, ['src/cli/main.ts', 'demo', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, TMPDIR: tmp, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
  });
  let said = '';
  const hear: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      said += String(chunk);
      for (const look of [...hear]) look();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const says = (text: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (typeof text === 'string' ? said.includes(text) : text.test(said)) resolve();
      };
      hear.push(look);
      look();
      void ended.then(() => reject(new Error(`it ended without ${text}: ${said}`)));
    });
  const demo = { child, tmp, said: () => said, says, ended };
  demos.push(demo);
  return demo;
}

/** Whether any process of the group is left. */
function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

function leftOf({ child, tmp }: Demo) {
  return { processes: child.pid !== undefined && isAlive(child.pid), files: readdirSync(tmp) };
}

/** What was killed without waiting for it is gone once process 1 has reaped it. */
async function untilAlone({ child }: Demo): Promise<void> {
  for (let tries = 0; tries < 500 && child.pid !== undefined && isAlive(child.pid); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

const NOTHING = { processes: false, files: [] };
const MINUTE_MS = 60_000;

// They sleep most of the time: all of them at once, and the one that takes long is looked at last.
const atOnce = startDemo();
const interrupted = startDemo();
const impatient = startDemo();
const hungUp = startDemo('--keep');
const whole = startDemo();

describe('stillpoint demo', () => {
  it(
    'leaves nothing behind after Ctrl-C while it is still being built',
    async () => {
      while (readdirSync(atOnce.tmp).length === 0 && atOnce.child.exitCode === null) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      atOnce.child.kill('SIGINT');
      expect(await atOnce.ended).toBe(130);
      expect(leftOf(atOnce)).toEqual(NOTHING);
    },
    MINUTE_MS,
  );

  it(
    'leaves nothing behind after Ctrl-C in the middle of a capture, and ends with 130',
    async () => {
      await interrupted.says(/capture +shop\/cart\/app/);
      interrupted.child.kill('SIGINT');
      expect(await interrupted.ended).toBe(130);
      expect(interrupted.said()).toContain('SIGINT: stopping');
      expect(interrupted.said()).toContain('Everything of the demo was stopped and removed.');
      expect(leftOf(interrupted)).toEqual(NOTHING);
    },
    MINUTE_MS,
  );

  it(
    'leaves nothing behind when a second Ctrl-C does not wait for the first',
    async () => {
      await impatient.says(/capture +shop\/cart\/app/);
      impatient.child.kill('SIGINT');
      await impatient.says('SIGINT: stopping');
      impatient.child.kill('SIGINT');
      expect(await impatient.ended).toBe(130);
      await untilAlone(impatient);
      expect(leftOf(impatient)).toEqual(NOTHING);
    },
    MINUTE_MS,
  );

  it(
    'leaves nothing behind when its terminal is closed',
    async () => {
      await hungUp.says('A leak that nears its limit');
      hungUp.child.kill('SIGHUP');
      expect(await hungUp.ended).toBe(129);
      expect(leftOf(hungUp)).toEqual(NOTHING);
    },
    MINUTE_MS,
  );

  it(
    'tells every story to its archive, and ends by itself within a minute',
    async () => {
      const began = Date.now();
      expect(await whole.ended).toBe(0);
      expect(Date.now() - began).toBeLessThan(MINUTE_MS);
      const said = whole.said();
      expect(said).toContain('The node is simulated');
      const stories = said.split('\n── ');
      const rules = ['leak-nears-limit', 'crash-loop', 'falco-critical', 'liveness-failing'];
      for (const [index, name] of [...rules, 'every-five-seconds'].entries()) {
        const story = stories[index + 1] ?? '';
        expect(story).toMatch(new RegExp(`decided +rule ${name} fires`));
        expect(story).toMatch(/captured +through containerd in .*stood still/);
        expect(story).toMatch(/kept +checkpoint-\S+\.tar \(.*complete, sha256 /);
      }
      expect(stories[5]).toMatch(/removed +checkpoint-report_batch-report/);
      expect(stories[6]).toMatch(/^Archives that were kept\nPOD +CONTAINER +RULE +SIZE +ARCHIVE/);
      expect(said).toContain('How to go on:');
      expect(said).not.toMatch(/Error:|^ *[\d.]+s +failed/m);
      expect(said).not.toContain('\u001b');
      expect(leftOf(whole)).toEqual(NOTHING);
    },
    MINUTE_MS,
  );
});
