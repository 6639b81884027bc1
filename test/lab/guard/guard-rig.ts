import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { PauseIntent } from '../../../src/lease/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { type Talking, talk } from '../../guard/guard-rig.ts';
import { type CaptureRig, useCaptureRig } from '../capture/capture-rig.ts';
import { cgroupOf } from '../capture/lab-node.ts';
import { waitFor } from '../lib/index.ts';
import { pidsOf } from '../rig/dump-moments.ts';
import { type StandStill, watchStandStill } from './stand-still.ts';

/** A container and how it is to be paused. */
export interface Paused {
  target: Target;
  intent: PauseIntent;
}

/** The real guard process, agents that pause real containers, and what becomes of those. */
export interface GuardRig {
  readonly capture: CaptureRig;
  setUp(name: string): Promise<Paused>;
  /** Starts a guard, and waits until it listens. */
  guard(): Promise<Talking>;
  /** Starts an agent that pauses, and checkpoints where a directory for images is given. */
  agent(intent: PauseIntent, ...images: string[]): Talking;
  /** An agent that has paused the container. */
  paused(intent: PauseIntent): Promise<Talking>;
  /** The same, and CRIU is at work on it. */
  dumping(intent: PauseIntent): Promise<Talking>;
  standStill(intent: PauseIntent): StandStill;
  /** Waits until task and freezer agree that it runs; fails unless it is in the same life. */
  expectRuns(paused: Paused): Promise<void>;
  /** Prints a measured time and gives it back. */
  report(what: string, ms: number): number;
}

export function useGuardRig(sizeMb: number, via: PauseIntent['via']): GuardRig {
  const capture = useCaptureRig();
  const processes = useProcesses(capture);
  return {
    capture,
    async setUp(name) {
      const target = await capture.startHog(`${name}-${via}`, sizeMb);
      const { version, freezerDirectory } = await cgroupOf(capture.clients, target.containerId);
      const { containerId } = target;
      return { target, intent: { containerId, via, cgroupVersion: version, freezerDirectory } };
    },
    ...processes,
    standStill: (intent) => watchStandStill(capture.clients, intent),
    async expectRuns({ target, intent }) {
      const { probe, runtime } = capture.clients;
      const { freezerDirectory = '', cgroupVersion: version } = intent;
      const cgroup = { version, freezerDirectory, memoryLevels: [] };
      await waitFor('task and freezer to agree that it runs', async () => {
        // A runtime that has just started refuses calls for a moment.
        const task = await runtime.taskState(intent.containerId).catch(() => undefined);
        return task === 'running' && probe.cgroups.freezerState(cgroup) === 'thawed';
      });
      await capture.expectTicking(target);
    },
    report(what, ms) {
      process.stdout.write(`${what} (${via}): ${Math.round(ms)} ms\n`);
      return ms;
    },
  };
}

/** Those of one test, ended after it. */
function useProcesses(
  capture: CaptureRig,
): Pick<GuardRig, 'guard' | 'agent' | 'paused' | 'dumping'> {
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
  const begin = (script: string, args: readonly string[], hear: 'stdout' | 'stderr') => {
    const one = talk(script, args, hear);
    started.push(one);
    return one;
  };
  const socket = () => join(directory, 'guard.sock');
  const agent = (intent: PauseIntent, ...images: string[]) => {
    const { containerdSocket } = capture.clients.node;
    const args = [socket(), containerdSocket, JSON.stringify(intent), ...images];
    return begin('test/lab/guard/pausing-agent.ts', args, 'stdout');
  };
  return {
    agent,
    async guard() {
      const { containerdSocket } = capture.clients.node;
      const flags = ['--socket', socket(), '--runtime-socket', containerdSocket];
      const one = begin('src/guard/guard-process.ts', flags, 'stderr');
      await one.next('guard-started');
      return one;
    },
    async paused(intent) {
      const one = agent(intent);
      await one.next('paused');
      return one;
    },
    async dumping(intent) {
      const images = join(directory, 'images');
      mkdirSync(images);
      const one = agent(intent, images);
      await one.next('checkpointing');
      await waitFor('CRIU', () => pidsOf('criu').length > 0, { everyMs: 1 });
      return one;
    },
  };
}
