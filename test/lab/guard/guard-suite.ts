import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/base/index.ts';
import type { PauseIntent } from '../../../src/lease/index.ts';
import { ctr, startContainerd, stopContainerd } from '../lib/index.ts';
import { pidsOf } from '../rig/dump-moments.ts';
import { type GuardRig, useGuardRig } from './guard-rig.ts';

/** From the death or the silence of the agent, as the issue asks; CRIU's own work comes on top. */
const FROZEN_MS_MAX = 1_000;

type Scenario = (rig: GuardRig) => Promise<void>;

/**
 * Real containers paused by agents of a process each, the real guard process, and deaths at every
 * moment; on either cgroup version.
 */
export function guardSuite(sizeMb: number, via: PauseIntent['via']): void {
  describe(`the guard process on the real node, pausing by the ${via},`, () => {
    const rig = useGuardRig(sizeMb, via);
    it.each(scenarios)('%s', (_, scenario) => scenario(rig));
  });
}

const killed: Scenario = async (rig) => {
  const paused = await rig.setUp('killed');
  await rig.guard();
  const one = await rig.paused(paused.intent);
  const still = rig.standStill(paused.intent);
  one.child.kill('SIGKILL');
  expect(rig.report('agent killed', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
  await rig.expectRuns(paused);
};

const stopped: Scenario = async (rig) => {
  const paused = await rig.setUp('stopped');
  await rig.guard();
  const one = await rig.paused(paused.intent);
  const still = rig.standStill(paused.intent);
  one.child.kill('SIGSTOP');
  expect(rig.report('agent stopped', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
  await rig.expectRuns(paused);
  one.child.kill('SIGCONT');
  one.write('ask');
  expect(await one.next('')).toBe('lapsed');
};

function inADump(name: string, signal: NodeJS.Signals): Scenario {
  return async (rig) => {
    const paused = await rig.setUp(`dump-${name}`);
    await rig.guard();
    const one = await rig.dumping(paused.intent);
    const still = rig.standStill(paused.intent);
    one.child.kill(signal);
    const { totalMs, afterCriuMs } = await still.withCriu();
    rig.report(`agent ${name} in a dump, until it runs`, totalMs);
    rig.report(`agent ${name} in a dump, after CRIU`, afterCriuMs);
    expect(afterCriuMs).toBeLessThan(FROZEN_MS_MAX);
    await rig.expectRuns(paused);
  };
}

const bothKilled: Scenario = async (rig) => {
  const paused = await rig.setUp('both');
  const first = await rig.guard();
  const one = await rig.paused(paused.intent);
  await first.kill('SIGKILL');
  await one.kill('SIGKILL');
  const still = rig.standStill(paused.intent);
  await rig.guard();
  const startedMs = systemClock.monotonicMs();
  await still.ms();
  const ms = still.lastStillMs() - startedMs;
  expect(rig.report('both killed, after the start of the guard', ms)).toBeLessThan(FROZEN_MS_MAX);
  await rig.expectRuns(paused);
};

const guardRestarted: Scenario = async (rig) => {
  const paused = await rig.setUp('restart');
  const first = await rig.guard();
  const one = await rig.paused(paused.intent);
  await first.kill('SIGKILL');
  await one.next('absent');
  await rig.guard();
  await one.next('live');
  one.write('ask');
  expect(await one.next('')).toBe('held');
  const still = rig.standStill(paused.intent);
  expect(still.stands()).toBe(true);
  one.child.kill('SIGKILL');
  expect(rig.report('guard restarted, agent killed', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
  await rig.expectRuns(paused);
};

const containerdAway: Scenario = async (rig) => {
  const paused = await rig.setUp('away');
  await rig.guard();
  const one = await rig.paused(paused.intent);
  await stopContainerd();
  try {
    const still = rig.standStill(paused.intent);
    one.child.kill('SIGKILL');
    expect(rig.report('containerd away', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
  } finally {
    await startContainerd();
  }
  await rig.expectRuns(paused);
};

const criuKilled: Scenario = async (rig) => {
  const paused = await rig.setUp('criu');
  await rig.guard();
  const one = await rig.dumping(paused.intent);
  for (const pid of pidsOf('criu')) process.kill(pid, 'SIGKILL');
  const still = rig.standStill(paused.intent);
  one.child.kill('SIGKILL');
  expect(rig.report('CRIU and agent killed', await still.ms())).toBeLessThan(FROZEN_MS_MAX);
  await rig.expectRuns(paused);
};

const theirs: Scenario = async (rig) => {
  const paused = await rig.setUp('theirs');
  const { containerId } = paused.intent;
  const { node, runtime } = rig.capture.clients;
  await rig.guard();
  await ctr(node, ['tasks', 'pause', containerId]);
  const one = rig.agent(paused.intent);
  expect(await one.next('refused')).toMatch(/is frozen before it was paused by us/);
  await one.kill('SIGKILL');
  expect(await runtime.taskState(containerId)).toBe('paused');
  await ctr(node, ['tasks', 'resume', containerId]);
  await rig.expectRuns(paused);
};

const scenarios: readonly [string, Scenario][] = [
  ['resumes what a killed agent had paused', killed],
  ['resumes what a hanging agent had paused, and tells it', stopped],
  ['resumes after a dump whose agent was killed in it', inADump('killed', 'SIGKILL')],
  ['resumes after a dump whose agent was stopped in it', inADump('stopped', 'SIGSTOP')],
  ['resumes once it is started again, when agent and guard were killed', bothKilled],
  ['holds on through its own restart, for an agent that lives', guardRestarted],
  ['thaws while containerd is away, and puts the shim right afterwards', containerdAway],
  ['cures what a killed CRIU left behind, when the agent dies too', criuKilled],
  ['takes up nothing that somebody else has paused', theirs],
];
