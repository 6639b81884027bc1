import { describe, expect, it } from '@jest/globals';
import { createMemoryTargets } from '../../src/agent/memory-targets.ts';
import { StillpointError } from '../../src/base/index.ts';
import type { RuntimeContainerStatus } from '../../src/cri/index.ts';
import type { MemoryThreshold } from '../../src/rules/index.ts';
import type { NodeMemoryWatch } from '../../src/sources/index.ts';
import { targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { settle } from './support/parts.ts';

function threshold(letter: string, alarmRatio = 0.85): MemoryThreshold {
  const target = targetOf(letter);
  return { containerId: target.containerId, target, alarmRatio };
}

function rig() {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const asked: string[] = [];
  const watched: string[][] = [];
  const ofNode: (NodeMemoryWatch | undefined)[] = [];
  const answers = new Map<string, () => Promise<Partial<RuntimeContainerStatus>>>();
  const targets = createMemoryTargets({
    clock,
    log,
    runtime: {
      async status(containerId) {
        asked.push(containerId.charAt(0));
        const answer = answers.get(containerId.charAt(0));
        const cgroupsPath = `/kubepods/${containerId.charAt(0)}`;
        return (await (answer?.() ?? { pid: 7, cgroupsPath })) as RuntimeContainerStatus;
      },
    },
    memory: {
      watch(list) {
        watched.push(
          list.map(({ cgroup, alarmRatio }) => {
            if (!('pid' in cgroup)) throw new Error('hints were expected');
            return `${cgroup.cgroupsPath} ${cgroup.pid} ${alarmRatio}`;
          }),
        );
      },
    },
    nodeMemory: { watch: (watch) => ofNode.push(watch) },
  });
  return { clock, lines, asked, watched, ofNode, answers, targets };
}

const away = async () => {
  throw new StillpointError({ code: 'unreachable', message: 'no socket' });
};

describe('the targets of the memory source', () => {
  it('are handed on with where their cgroup is', async () => {
    const { targets, watched } = rig();
    targets.update([threshold('a'), threshold('b', 0.5)]);
    await settle();
    expect(watched.at(-1)).toEqual(['/kubepods/a 7 0.85', '/kubepods/b 7 0.5']);
  });

  it('of the node share what is known of a container, and are none without a rule', async () => {
    const { targets, asked, ofNode } = rig();
    const amounts = { below: [{ share: 0.1 }], above: [{ share: 0.2 }] };
    const wanted = { ...amounts, targets: [targetOf('a'), targetOf('b')] };
    targets.update([threshold('a')], wanted);
    expect(ofNode.at(-1)).toEqual({ ...amounts, containers: [] });
    await settle();
    expect(asked).toEqual(['a', 'b']);
    expect(ofNode.at(-1)).toEqual({
      ...amounts,
      containers: ['a', 'b'].map((letter) => ({
        target: targetOf(letter),
        cgroup: { pid: 7, cgroupsPath: `/kubepods/${letter}` },
      })),
    });
    targets.update([threshold('a')]);
    expect(ofNode.at(-1)).toBeUndefined();
  });

  it('are asked about once a life, however often pods change', async () => {
    const { targets, asked } = rig();
    targets.update([threshold('a')]);
    targets.update([threshold('a')]);
    await settle();
    targets.update([threshold('a'), threshold('b')]);
    await settle();
    expect(asked).toEqual(['a', 'b']);
  });

  it('are no longer watched once they are off the list, and asked about anew afterwards', async () => {
    const { targets, asked, watched } = rig();
    targets.update([threshold('a')]);
    await settle();
    targets.update([]);
    expect(watched.at(-1)).toEqual([]);
    targets.update([threshold('a')]);
    await settle();
    expect(asked).toEqual(['a', 'a']);
  });

  it('are asked about again when the runtime was away', async () => {
    const { clock, targets, answers, watched, lines } = rig();
    answers.set('a', away);
    answers.set('b', away);
    targets.update([threshold('a'), threshold('b')]);
    await settle();
    expect(watched.at(-1)).toEqual([]);
    expect(lines[0]).toMatchObject({ level: 'warn', event: 'memory-target-unknown' });
    answers.clear();
    await clock.advance(1_000);
    await settle();
    expect(watched.at(-1)).toEqual(['/kubepods/a 7 0.85', '/kubepods/b 7 0.85']);
  });

  it('do not flood the log while the runtime stays away', async () => {
    const { clock, targets, answers, lines } = rig();
    for (const letter of 'abcdef') answers.set(letter, away);
    targets.update([...'abcdef'].map((letter) => threshold(letter)));
    for (let seconds = 0; seconds < 30; seconds++) await clock.advance(1_000);
    expect(lines.length).toBeLessThan(5);
  });

  it('that have died are no news', async () => {
    const { targets, answers, lines, clock } = rig();
    answers.set('a', async () => {
      throw new StillpointError({ code: 'not-found', message: 'no such container' });
    });
    targets.update([threshold('a')]);
    await settle();
    expect(lines).toEqual([]);
    expect(clock.waiting()).toBe(0);
  });

  it('that went while the runtime was asked are not watched', async () => {
    const { targets, answers, watched } = rig();
    let tell: (status: Partial<RuntimeContainerStatus>) => void = () => undefined;
    answers.set('a', () => new Promise((resolve) => (tell = resolve)));
    targets.update([threshold('a')]);
    await settle();
    targets.update([]);
    tell({ pid: 7, cgroupsPath: '/late' });
    await settle();
    expect(watched.at(-1)).toEqual([]);
  });

  it('are forgotten at a stop, with the retry', async () => {
    const { clock, targets, answers, watched, asked } = rig();
    answers.set('a', away);
    targets.update([threshold('a')]);
    await settle();
    targets.stop();
    const before = watched.length;
    await clock.advance(5_000);
    targets.update([threshold('b')]);
    await settle();
    expect(watched).toHaveLength(before);
    expect(asked).toEqual(['a']);
    expect(clock.waiting()).toBe(0);
  });
});
