import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../src/base/index.ts';
import {
  type RecoveryDecision,
  recoverCaptures,
  recoveryRow,
  recoveryRows,
} from '../../src/capture/index.ts';
import { type JournalEntry, type JournalState, journalStates } from '../../src/dispatch/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFakeContainerState } from '../support/fake-container-state.ts';

function entryIn(state: JournalState): JournalEntry {
  const target = targetOf('a');
  const trigger = { id: `t-${state}`, target, acceptedMs: 0, decisions: [fireOn(target)] };
  return { trigger, state, facts: {}, updatedMs: 0 };
}

describe('the table of recovery', () => {
  it('has exactly one row for each state that the journal can hold', () => {
    expect(recoveryRows.map(({ state }) => state)).toEqual([...journalStates]);
  });

  it.each<[JournalState, RecoveryDecision]>([
    ['queued', 'requeue'],
    ['guarded', 'requeue'],
    ['checkpointing', 'thaw-and-look'],
    ['thawing', 'thaw-and-look'],
    ['thawed', 'verify'],
    ['verifying', 'verify'],
    ['recorded', 'nothing'],
    ['refused', 'nothing'],
    ['failed', 'nothing'],
  ])('says for %s: %s, and why', (state, decision) => {
    expect(recoveryRow(state)).toMatchObject({ decision, why: expect.stringMatching(/./) });
  });

  it('has none for a word that nobody writes', () => {
    expect(recoveryRow('frozen')).toBeUndefined();
  });
});

describe('recovery at start-up', () => {
  const setUp = () => {
    const clock = createFakeClock();
    const container = createFakeContainerState();
    const { runtime, node } = container;
    return { clock, container, tools: { clock, log: silentLogger, runtime, node } };
  };

  it('thaws what a crash left frozen, and decides the rest without touching anything', async () => {
    const { clock, container, tools } = setUp();
    Object.assign(container, { task: 'paused', freezer: 'frozen' });
    const recovered = recoverCaptures(journalStates.map(entryIn), tools);
    await clock.advance(6_000);
    const table = (await recovered).map(({ entry, decision, thaw }) => [
      entry.state,
      decision,
      thaw?.end,
    ]);
    expect(table).toEqual([
      ['queued', 'requeue', undefined],
      ['guarded', 'requeue', undefined],
      ['checkpointing', 'thaw-and-look', 'runs'],
      ['thawing', 'thaw-and-look', 'runs'],
      ['thawed', 'verify', undefined],
      ['verifying', 'verify', undefined],
      ['recorded', 'nothing', undefined],
      ['refused', 'nothing', undefined],
      ['failed', 'nothing', undefined],
    ]);
    expect([container.task, container.freezer]).toEqual(['running', 'thawed']);
  });

  it('touches nothing where nothing was begun', async () => {
    const { container, tools } = setUp();
    Object.assign(container, { task: 'paused', freezer: 'frozen' });
    await recoverCaptures([entryIn('queued'), entryIn('failed')], tools);
    expect(container.acts).toEqual([]);
  });

  it('finds a container that died with the agent gone, and goes on', async () => {
    const { container, tools } = setUp();
    Object.assign(container, { task: 'gone', freezer: 'gone' });
    const [only] = await recoverCaptures([entryIn('checkpointing')], tools);
    expect(only?.thaw?.end).toBe('gone');
  });

  it('assumes the worst of a state that it does not know', async () => {
    const { clock, container, tools } = setUp();
    Object.assign(container, { task: 'paused', freezer: 'frozen' });
    const strange = { ...entryIn('queued'), state: 'freezing' as JournalState };
    const recovered = recoverCaptures([strange], tools);
    await clock.advance(6_000);
    expect(await recovered).toMatchObject([
      { decision: 'thaw-and-look', why: expect.stringContaining("'freezing'") },
    ]);
    expect(container.acts).toEqual(['resume']);
  });
});
