import { describe, expect, it } from '@jest/globals';
import { createStuckThaws } from '../../src/agent/stuck-thaws.ts';
import { createRandom } from '../../src/base/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFakeContainerState } from '../support/fake-container-state.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { createTestDispatcher, settle } from './support/parts.ts';

/** A container that a capture left paused, in a runtime that does not resume it. */
function rig() {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const dispatcher = createTestDispatcher(clock);
  const { journal } = dispatcher;
  const accepted = dispatcher.offer(fireOn(targetOf('a')));
  if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
  const container = createFakeContainerState();
  const { onResume: cure } = container;
  Object.assign(container, { task: 'paused', freezer: 'frozen', onResume: () => undefined });
  const { runtime, node } = container;
  const random = createRandom(1);
  const stuck = createStuckThaws({ clock, log, random, runtime, node, journal });
  return { clock, lines, journal, trigger: accepted.trigger, container, cure, stuck };
}

describe('a container that the thaw check gave up', () => {
  it('is thawed again and again, and shown, until it runs', async () => {
    const { clock, lines, journal, trigger, container, cure, stuck } = rig();
    journal.note(trigger.id, 'recorded', { stuck: true });
    stuck.add(trigger);
    stuck.add(trigger);
    for (let minutes = 0; minutes < 60; minutes++) await clock.advance(60_000);
    const [shown, ...more] = stuck.list();
    expect(more).toEqual([]);
    expect(shown).toMatchObject({ target: trigger.target, sinceMs: Date.UTC(2026, 0, 1) });
    // Five minutes at most between two tries.
    expect(shown?.tries).toBeGreaterThan(12);
    expect(journal.stuck()).toHaveLength(1);
    container.onResume = cure;
    await clock.advance(330_000);
    expect([container.task, container.freezer]).toEqual(['running', 'thawed']);
    expect(stuck.list()).toEqual([]);
    expect(journal.stuck()).toEqual([]);
    expect(journal.recent(1)).toMatchObject([{ state: 'recorded' }]);
    expect(lines.at(-1)).toMatchObject({ event: 'thawed-at-last' });
    await stuck.stop();
    expect(clock.waiting()).toBe(0);
  });

  it('is thawed at once at the next start, whatever became of its archive', async () => {
    const { clock, journal, trigger, container, cure, stuck } = rig();
    journal.note(trigger.id, 'failed', { stuck: true });
    container.onResume = cure;
    stuck.start();
    await clock.advance(3_000);
    expect([container.task, container.freezer]).toEqual(['running', 'thawed']);
    expect(journal.stuck()).toEqual([]);
    await stuck.stop();
  });

  it('that is gone is forgotten', async () => {
    const { clock, journal, trigger, container, stuck } = rig();
    journal.note(trigger.id, 'failed', { stuck: true });
    Object.assign(container, { task: 'gone', freezer: 'gone' });
    stuck.start();
    await clock.advance(0);
    await settle();
    expect([stuck.list(), journal.stuck()]).toEqual([[], []]);
  });

  it('is not tried again after a stop', async () => {
    const { clock, trigger, container, stuck } = rig();
    stuck.add(trigger);
    await stuck.stop();
    await clock.advance(600_000);
    expect(container.acts).toEqual([]);
    expect(clock.waiting()).toBe(0);
  });
});
