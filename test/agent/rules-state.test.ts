import { describe, expect, it } from '@jest/globals';
import { createSavedRulesState } from '../../src/agent/rules-state.ts';
import {
  createDenyList,
  createRulesCore,
  createRulesState,
  type RulesState,
  step,
} from '../../src/rules/index.ts';
import { openStore } from '../../src/store/index.ts';
import { event, pod, podChanged, rulesOf, START_MS } from '../rules/support/bench.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { createTestDispatcher } from './support/parts.ts';

const core = createRulesCore(
  rulesOf({
    live: 'when: { event: { reason: Unhealthy } }\ntarget: {}\nlimits: { cooldown: 10m }',
    thrice:
      'when: { event: { reason: BackOff, atLeast: 3, within: 5m } }\ntarget: {}\nlimits: { cooldown: 0s }',
  }),
  { nodeName: 'node-1', denyList: createDenyList({}) },
);

function rig() {
  const store = openStore(':memory:');
  const clock = createFakeClock(START_MS);
  const { log, lines } = createRecordingLog();
  const dispatcher = createTestDispatcher(clock, undefined, store);
  return { store, clock, lines, dispatcher, saved: createSavedRulesState(store, clock, log) };
}

function reasonsAt(state: RulesState, ms: number, reason = 'Unhealthy') {
  return step(core, state, event({ reason }), START_MS + ms).decisions.map((one) => one.reason);
}

function fresh(): RulesState {
  const state = createRulesState();
  step(core, state, podChanged(pod()), START_MS);
  return state;
}

describe('the saved state of the rules', () => {
  it('is empty at the very first start', () => {
    const { saved, dispatcher } = rig();
    expect(saved.load(core, dispatcher.journal).pods.byUid.size).toBe(0);
  });

  it('keeps pods, windows and cooldowns over a restart', () => {
    const { saved, dispatcher } = rig();
    const state = fresh();
    expect(reasonsAt(state, 1_000)).toEqual(['fired']);
    reasonsAt(state, 1_000, 'BackOff');
    reasonsAt(state, 2_000, 'BackOff');
    saved.save(core, state);
    const loaded = saved.load(core, dispatcher.journal);
    expect([...loaded.pods.byUid.keys()]).toEqual(['uid-cart']);
    expect(reasonsAt(loaded, 3_000)).toEqual(['cooldown']);
    expect(reasonsAt(loaded, 4_000, 'BackOff')).toEqual(['fired']);
  });

  it('is replaced by a later one', () => {
    const { saved, dispatcher, store } = rig();
    saved.save(core, createRulesState());
    saved.save(core, fresh());
    expect(saved.load(core, dispatcher.journal).pods.byUid.size).toBe(1);
    expect(store.all('SELECT * FROM setting')).toHaveLength(1);
  });

  it('takes a cooldown from the journal when the agent died before it saved', () => {
    const { saved, dispatcher } = rig();
    const state = fresh();
    saved.save(core, state);
    const [decision] = step(core, state, event(), START_MS + 1_000).decisions;
    if (!decision?.target) throw new Error('did not fire');
    dispatcher.offer({ ...decision, target: decision.target });
    const loaded = saved.load(core, dispatcher.journal);
    expect(reasonsAt(loaded, 599_000)).toEqual(['cooldown']);
    expect(reasonsAt(loaded, 601_001)).toEqual(['fired']);
  });

  it('does not make a firing that was refused cool down anew', () => {
    const { saved, dispatcher } = rig();
    const state = fresh();
    saved.save(core, state);
    const [decision] = step(core, state, event(), START_MS + 1_000).decisions;
    if (!decision?.target) throw new Error('did not fire');
    const acceptance = dispatcher.offer({ ...decision, target: decision.target });
    if (acceptance.kind !== 'accepted') throw new Error(acceptance.kind);
    dispatcher.journal.note(acceptance.trigger.id, 'refused');
    expect(reasonsAt(saved.load(core, dispatcher.journal), 31_001)).toEqual(['fired']);
  });

  it('takes the newest of many journalled firings', () => {
    const { saved, dispatcher } = rig();
    const state = fresh();
    for (const atMs of [1_000, 601_500]) {
      const [decision] = step(core, state, event(), START_MS + atMs).decisions;
      if (!decision?.target) throw new Error('did not fire');
      const { trigger } = dispatcher.offer({ ...decision, target: decision.target }) as {
        trigger: { id: string };
      };
      dispatcher.journal.note(trigger.id, 'recorded');
    }
    const loaded = saved.load(core, dispatcher.journal);
    step(core, loaded, podChanged(pod()), START_MS + 602_000);
    expect(reasonsAt(loaded, 700_000)).toEqual(['cooldown']);
  });

  it.each([
    ['is no JSON', '{"state":'],
    ['is of another version', JSON.stringify({ state: { version: 99 } })],
    ['is null', 'null'],
    ['lacks its state', '{}'],
  ])('that %s is said to be lost, and everything begins anew', (_, document) => {
    const { saved, dispatcher, store, lines } = rig();
    store.run("INSERT INTO setting (name, document) VALUES ('rules-state', ?)", document);
    expect(saved.load(core, dispatcher.journal).pods.byUid.size).toBe(0);
    expect(lines).toMatchObject([{ level: 'warn', event: 'rules-state-lost' }]);
  });
});
