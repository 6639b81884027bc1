import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/base/index.ts';
import type { PauseIntent } from '../../../src/lease/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { type Talking, talk } from '../../guard/guard-rig.ts';
import { useCaptureRig } from '../capture/capture-rig.ts';
import { cgroupOf } from '../capture/lab-node.ts';
import { ctr, startContainerd, stopContainerd, waitFor } from '../lib/index.ts';
import { pidsOf } from '../rig/dump-moments.ts';
import { type StandStill, watchStandStill } from './stand-still.ts';

/** From the death or the silence of the agent, as the issue asks; CRIU's own work comes on top. */
const FROZEN_MS_MAX = 1_000;

/**
 * A real container paused by a client of its own, the real guard process, and deaths at every
 * moment; on either cgroup version. `report` is told of each measured time.
 */
export function guardSuite(sizeMb: number, via: PauseIntent['via']): void {
  describe(`the guard process on the real node, pausing by the ${via}`, () => {
    const rig = useCaptureRig();
    let directory: string;
    let started: Talking[];

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'stillpoint-lab-guard-'));
      started = [];
    });
    afterEach(async () => {
      for (const one of started) {
        one.child.kill('SIGCONT');
        one.child.kill('SIGKILL');
      }
      await Promise.all(started.map((one) => one.ended()));
      rmSync(directory, { recursive: true, force: true });
    });

    const socket = () => join(directory, 'guard.sock');
    const guard = async () => {
      const flags = ['--socket', socket(), '--runtime-socket', rig.clients.node.containerdSocket];
      const one = talk('src/guard/guard-process.ts', flags, 'stderr');
      started.push(one);
      await one.next('guard-started');
      return one;
    };
    const agent = (intent: PauseIntent, ...images: string[]) => {
      const args = [socket(), rig.clients.node.containerdSocket, JSON.stringify(intent), ...images];
      const one = talk('test/lab/guard/pausing-agent.ts', args, 'stdout');
      started.push(one);
      return one;
    };
    const setUp = async (name: string) => {
      const target = await rig.startHog(`${name}-${via}`, sizeMb);
      const { version, freezerDirectory } = await cgroupOf(rig.clients, target.containerId);
      const { containerId } = target;
      const intent: PauseIntent = { containerId, via, cgroupVersion: version, freezerDirectory };
      return { target, intent };
    };
    const paused = async (intent: PauseIntent) => {
      const one = agent(intent);
      await one.next('paused');
      return one;
    };
    /** With CRIU at work on it. */
    const dumping = async (intent: PauseIntent) => {
      const images = join(directory, 'images');
      mkdirSync(images);
      const one = agent(intent, images);
      await one.next('checkpointing');
      await waitFor('CRIU', () => pidsOf('criu').length > 0, { everyMs: 1 });
      return one;
    };
    const stillOf = (intent: PauseIntent): StandStill => watchStandStill(rig.clients, intent);
    const expectRuns = async (target: Target, intent: PauseIntent) => {
      const { probe, runtime } = rig.clients;
      const cgroup = await cgroupOf(rig.clients, target.containerId);
      await waitFor('task and freezer to agree that it runs', async () => {
        const task = await runtime.taskState(intent.containerId);
        return task === 'running' && probe.cgroups.freezerState(cgroup) === 'thawed';
      });
      await rig.expectTicking(target);
    };
    const report = (what: string, ms: number) => {
      process.stdout.write(`${what} (${via}): ${Math.round(ms)} ms\n`);
      return ms;
    };

    it('resumes what a killed agent had paused', async () => {
      const { target, intent } = await setUp('killed');
      await guard();
      const one = await paused(intent);
      const still = stillOf(intent);
      one.child.kill('SIGKILL');
      expect(report('agent killed', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
      await expectRuns(target, intent);
    });

    it('resumes what a hanging agent had paused, and tells it', async () => {
      const { target, intent } = await setUp('hangs');
      await guard();
      const one = await paused(intent);
      const still = stillOf(intent);
      one.child.kill('SIGSTOP');
      expect(report('agent stopped', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
      await expectRuns(target, intent);
      one.child.kill('SIGCONT');
      one.write('ask');
      expect(await one.next('')).toBe('lapsed');
    });

    it.each([
      ['killed', 'SIGKILL'],
      ['stopped', 'SIGSTOP'],
    ] as const)('resumes after a dump whose agent was %s in it', async (name, signal) => {
      const { target, intent } = await setUp(`dump-${name}`);
      await guard();
      const one = await dumping(intent);
      const still = stillOf(intent);
      one.child.kill(signal);
      const { totalMs, afterCriuMs } = await still.withCriu();
      report(`agent ${name} in a dump, until it runs`, totalMs);
      expect(report(`agent ${name} in a dump, after CRIU`, afterCriuMs)).toBeLessThan(
        FROZEN_MS_MAX,
      );
      await expectRuns(target, intent);
    });

    it('is started again in time for an agent that dies meanwhile', async () => {
      const { target, intent } = await setUp('both');
      const first = await guard();
      const one = await paused(intent);
      await first.kill('SIGKILL');
      await one.kill('SIGKILL');
      const still = stillOf(intent);
      await guard();
      const startedMs = systemClock.monotonicMs();
      await still.ms();
      const ms = systemClock.monotonicMs() - startedMs;
      expect(report('both killed, after the start of the guard', ms)).toBeLessThan(FROZEN_MS_MAX);
      await expectRuns(target, intent);
    });

    it('holds on through its own restart, for an agent that lives', async () => {
      const { target, intent } = await setUp('restart');
      const first = await guard();
      const one = await paused(intent);
      await first.kill('SIGKILL');
      const second = await guard();
      await second.next('agent-came');
      one.write('ask');
      expect(await one.next('')).toBe('held');
      const still = stillOf(intent);
      expect(still.stands()).toBe(true);
      one.child.kill('SIGKILL');
      expect(report('guard restarted, agent killed', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
      await expectRuns(target, intent);
    });

    it('thaws while containerd is away, and puts the shim right afterwards', async () => {
      const { target, intent } = await setUp('away');
      await guard();
      const one = await paused(intent);
      await stopContainerd();
      try {
        const still = stillOf(intent);
        one.child.kill('SIGKILL');
        expect(report('containerd away', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
      } finally {
        await startContainerd();
      }
      await expectRuns(target, intent);
    });

    it('cures what a killed CRIU left behind, when the agent dies too', async () => {
      const { target, intent } = await setUp('criu');
      await guard();
      const one = await dumping(intent);
      for (const pid of pidsOf('criu')) process.kill(pid, 'SIGKILL');
      const still = stillOf(intent);
      one.child.kill('SIGKILL');
      expect(report('CRIU and agent killed', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
      await expectRuns(target, intent);
    });

    it('takes up nothing that somebody else has paused', async () => {
      const { target, intent } = await setUp('theirs');
      const { node, runtime } = rig.clients;
      await guard();
      await ctr(node, ['tasks', 'pause', target.containerId]);
      const one = agent(intent);
      expect(await one.next('refused')).toMatch(/is frozen before it was paused by us/);
      await one.kill('SIGKILL');
      expect(await runtime.taskState(target.containerId)).toBe('paused');
      await ctr(node, ['tasks', 'resume', target.containerId]);
      await expectRuns(target, intent);
    });
  });
}
