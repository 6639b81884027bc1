import { beforeEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import { ensureThawed, type ThawQuestion } from '../../src/capture/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import {
  createFakeContainerState,
  type FakeContainerState,
} from '../support/fake-container-state.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';

let clock: FakeClock;
let container: FakeContainerState;
let lines: LogLine[];

beforeEach(() => {
  clock = createFakeClock();
  container = createFakeContainerState();
});

function check(change: Partial<ThawQuestion> = {}, thawMsMax?: number) {
  const recording = createRecordingLog();
  lines = recording.lines;
  const { runtime, node, cgroup } = container;
  const tools = { clock, log: recording.log, runtime, node, thawMsMax };
  const question = { containerId: 'a', cgroup, frozenBefore: false, mayFinishLater: false };
  return ensureThawed(tools, { ...question, ...change });
}

describe('the thaw check', () => {
  it('of a container that runs is one look, without a wait or a word', async () => {
    expect(await check()).toEqual({ end: 'runs', tookMs: 0, acts: [] });
    expect([container.acts, lines, clock.waiting()]).toEqual([[], [], 0]);
  });

  it('resumes what a deadline left paused and frozen', async () => {
    Object.assign(container, { task: 'paused', freezer: 'frozen' });
    const result = check({ mayFinishLater: true });
    await clock.advance(5_000);
    expect(await result).toMatchObject({ end: 'runs', acts: ['resume'] });
  });

  it('waits for CRIU, then resumes what it froze again at its end', async () => {
    Object.assign(container, { task: 'paused', freezer: 'thawed', traced: true });
    const result = check({ mayFinishLater: true });
    await clock.advance(4_000);
    expect(container.acts).toEqual([]);
    Object.assign(container, { freezer: 'frozen', traced: false });
    await clock.advance(5_000);
    expect(await result).toMatchObject({ end: 'runs', acts: ['resume'] });
  });

  it('goes on when Resume fails, until task and freezer agree', async () => {
    Object.assign(container, { task: 'paused', freezer: 'frozen' });
    const succeed = container.onResume;
    container.onResume = () => {
      if (container.acts.length >= 3) return succeed();
      throw new StillpointError({ code: 'runtime-failed', message: 'container not paused' });
    };
    const result = check();
    await clock.advance(2_000);
    expect(await result).toMatchObject({ end: 'runs', acts: ['resume', 'resume', 'resume'] });
    expect(lines.map(({ event }) => event)).toEqual(['thaw-act-failed', 'thaw-act-failed']);
  });

  it('cures paused but thawed by freezing first, once nothing has changed for 2 s', async () => {
    container.task = 'paused';
    const result = check();
    await clock.advance(1_900);
    expect(container.acts).toEqual([]);
    await clock.advance(1_000);
    expect(await result).toMatchObject({ end: 'runs', acts: ['freeze-and-resume'] });
    expect(container.acts).toEqual(['freezer frozen', 'resume']);
  });

  it('never leaves it frozen by its own cure when Resume fails', async () => {
    container.task = 'paused';
    container.onResume = () => {
      throw new StillpointError({ code: 'unreachable', message: 'away' });
    };
    const result = check({}, 2_500);
    await clock.advance(5_000);
    expect((await result).end).toBe('stuck');
    expect(container.freezer).toBe('thawed');
  });

  it('writes the freezer when the task runs but the freezer stays frozen', async () => {
    container.freezer = 'frozen';
    const result = check();
    await clock.advance(2_000);
    expect(await result).toMatchObject({ end: 'runs', acts: ['thaw-freezer'] });
    expect(container.acts).toEqual(['freezer thawed']);
  });

  it('thaws through the cgroup where there is no task API', async () => {
    Object.assign(container, { task: 'unsupported', freezer: 'frozen' });
    const result = check();
    await clock.advance(2_000);
    expect(await result).toMatchObject({ end: 'runs', acts: ['thaw-freezer'] });
  });

  it('waits for a runtime that restarts, and thaws by the cgroup when it stays away', async () => {
    Object.assign(container, { task: 'unreachable', freezer: 'frozen' });
    const result = check({ mayFinishLater: true });
    await clock.advance(9_000);
    expect(container.acts).toEqual([]);
    await clock.advance(2_000);
    expect(container.acts).toEqual(['freezer thawed']);
    // It comes back and still believes that it paused the container.
    container.task = 'paused';
    await clock.advance(10_000);
    expect(await result).toMatchObject({
      end: 'runs',
      acts: ['thaw-freezer', 'freeze-and-resume'],
    });
  });

  it('waits shortly for a runtime that hangs when the freeze is ours', async () => {
    Object.assign(container, { task: 'paused', freezer: 'frozen' });
    container.runtime.taskState = () => new Promise(() => undefined);
    void check({ frozenBy: 'task' });
    await clock.advance(1_000);
    expect(container.acts).toEqual(['freezer thawed']);
  });

  it('keeps its hands off what was frozen before us', async () => {
    Object.assign(container, { task: 'paused', freezer: 'frozen' });
    expect((await check({ frozenBefore: true })).end).toBe('frozen-before');
    expect(container.acts).toEqual([]);
  });

  it('is done when the container died meanwhile', async () => {
    Object.assign(container, { task: 'gone', freezer: 'gone' });
    expect((await check()).end).toBe('gone');
  });

  it('cries for help when it cannot thaw, after a warning, and gives up', async () => {
    Object.assign(container, { task: 'paused', freezer: 'frozen' });
    container.onResume = () => undefined;
    const result = check({}, 60_000);
    await clock.advance(61_000);
    expect((await result).end).toBe('stuck');
    expect(lines.map(({ level, event }) => `${level} ${event}`)).toEqual([
      'warn thaw-takes-long',
      'error container-left-frozen',
    ]);
  });

  it('judges by the task alone when the cgroup files cannot be read', async () => {
    container.node.cgroups.freezerState = () => {
      throw new StillpointError({ code: 'not-writable', message: 'EACCES' });
    };
    expect((await check()).end).toBe('runs');
  });
});
