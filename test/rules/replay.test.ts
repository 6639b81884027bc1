import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../src/base/index.ts';
import {
  compareFirings,
  createReplay,
  createRulesState,
  type RecordingEntry,
  type ReplayResult,
  readEntry,
  signalEntry,
  stateEntry,
  step,
} from '../../src/rules/index.ts';
import {
  benchOf,
  brief,
  event,
  memory,
  pod,
  podChanged,
  rulesOf,
  START_MS,
} from './support/bench.ts';
import { documentsOf } from './support/documents.ts';
import { randomStream, streamRules, type TimedSignal } from './support/random-stream.ts';

/** What an agent with these rules would have recorded of the stream. */
function record(specs: Record<string, string>, stream: readonly TimedSignal[]): RecordingEntry[] {
  const { core } = benchOf(specs);
  const state = createRulesState();
  const of = { run: 'r', part: 0, dropped: 0, redacted: false, redact: {} };
  const rules = documentsOf(specs);
  const first = stateEntry(core, state, { ...of, cause: 'begin', atMs: START_MS, rules });
  const lines = [JSON.stringify(first)];
  for (const { ms, signal } of stream) {
    const nowMs = START_MS + ms;
    const { decisions } = step(core, state, signal, nowMs);
    lines.push(JSON.stringify(signalEntry(core, { signal, nowMs, redacted: false }, decisions)));
  }
  return lines.map(readEntry);
}

function replay(entries: readonly RecordingEntry[], specs?: Record<string, string>): ReplayResult {
  const replaying = createReplay(specs && rulesOf(specs));
  for (const entry of entries) replaying.take(entry);
  return replaying.result();
}

const live = { live: 'when: { event: { reason: Unhealthy, atLeast: 2, within: 1m } }\ntarget: {}' };

const twoEvents: TimedSignal[] = [
  { ms: 0, signal: podChanged(pod(), true) },
  { ms: 10, signal: event() },
  { ms: 20, signal: event() },
];

describe('a replay', () => {
  it('with rules of its own that are the recorded ones fires the same', () => {
    const { calendar: _calendar, ...specs } = streamRules;
    const stream = randomStream(createRandom(11), 3_000).filter(
      ({ signal }) => signal.kind !== 'tick',
    );
    // The clock must not go back: waits are made anew between the signals.
    let latestMs = 0;
    const forward = stream.map(({ ms, signal }) => {
      latestMs = Math.max(latestMs, ms);
      return { ms: latestMs, signal };
    });
    const entries = record(specs, forward);
    const recorded = replay(entries);
    expect(recorded.differences).toEqual([]);
    const changes = compareFirings(recorded.decisions, replay(entries, specs).decisions);
    expect(changes.length).toBeGreaterThan(100);
    const others = changes.filter(({ change }) => change === 'added' || change === 'removed');
    expect(others).toEqual([]);
  });

  it('compares two sets: what fires more, less or otherwise', () => {
    const entries = record(live, twoEvents);
    const before = replay(entries).decisions;
    const changesWith = (specs: Record<string, string>) =>
      compareFirings(before, replay(entries, specs).decisions).map((one) => [
        one.change,
        brief(one.change === 'removed' ? one.before : one.after),
        one.change === 'changed' ? one.what : [],
      ]);
    expect(changesWith(live)).toEqual([['same', 'fired live shop/cart/app', []]]);
    const sooner = { live: 'when: { event: { reason: Unhealthy } }\ntarget: {}' };
    expect(changesWith(sooner)).toEqual([
      ['changed', 'fired live shop/cart/app', ['time', 'values']],
    ]);
    expect(changesWith({ live: `mode: observe\n${live.live}` })).toEqual([
      ['changed', 'observed live shop/cart/app', ['mode']],
    ]);
    expect(changesWith({ other: live.live })).toEqual([
      ['removed', 'fired live shop/cart/app', []],
      ['added', 'fired other shop/cart/app', []],
    ]);
  });

  it('makes the waits and ticks of rules that the agent did not have', () => {
    const entries = record(live, [
      { ms: 0, signal: podChanged(pod(), true) },
      { ms: 10, signal: memory(0.9) },
      { ms: 150_000, signal: event() },
    ]);
    const { decisions } = replay(entries, {
      oom: 'when: { memory: { above: 80%, for: 3s } }\ntarget: {}',
      minutely: 'when: { schedule: { cron: "* * * * *" } }\ntarget: {}\nlimits: { cooldown: 0s }',
    });
    const fired = decisions.filter(({ verdict }) => verdict === 'fire');
    expect(fired.map((one) => [one.atMs - START_MS, brief(one)])).toEqual([
      [3_010, 'fired oom shop/cart/app'],
      [60_000, 'fired minutely shop/cart/app'],
      [120_000, 'fired minutely shop/cart/app'],
    ]);
  });

  it('keeps the windows of rules that another version took the fingerprint of', () => {
    const entries = record(live, twoEvents);
    const { core } = benchOf(live);
    const state = createRulesState();
    for (const { ms, signal } of twoEvents.slice(0, 2)) step(core, state, signal, START_MS + ms);
    const [, , , third] = entries;
    const of = { run: 'r', part: 0, dropped: 0, redacted: false, redact: {} };
    const rules = documentsOf(live);
    const begin = stateEntry(core, state, { ...of, cause: 'rotated', atMs: START_MS, rules });
    const snapshot = { ...begin.snapshot, fingerprints: { live: 'of another version' } };
    const line = JSON.stringify({ ...begin, snapshot });
    if (!third) throw new Error('no third signal');
    expect(replay([readEntry(line), third])).toMatchObject({ equal: 1, differences: [] });
  });

  it('says where its decisions are not those of the agent', () => {
    const [first, ...rest] = record(live, twoEvents);
    if (first?.kind !== 'state') throw new Error('no state');
    const rules = documentsOf({ live: live.live.replace('atLeast: 2', 'atLeast: 3') });
    const result = replay([{ ...first, rules }, ...rest]);
    expect(result.equal).toBe(0);
    expect(result.differences).toMatchObject([
      { recorded: { reason: 'window-open' }, replayed: { detail: '1 of 3 within 1m' } },
      { atMs: START_MS + 20, recorded: { reason: 'fired' }, replayed: { reason: 'window-open' } },
    ]);
  });

  it.each([
    ['{', 'no JSON'],
    ['{}', 'no line of a recording'],
    ['{"kind":"signal","nowMs":1,"signal":{"kind":"x"}}', 'a signal of kind x'],
    [
      '{"kind":"signal","nowMs":1,"signal":{"kind":"podChanged","pod":{}}}',
      'no line of a recording',
    ],
    ['{"kind":"signal","nowMs":1,"signal":{"kind":"toString"}}', 'a signal of kind toString'],
  ])('refuses a line that an agent did not write: %s', (line, message) => {
    expect(() => readEntry(line)).toThrow(message);
  });

  it('refuses rules that this version does not understand', () => {
    const [first] = record(live, twoEvents);
    if (first?.kind !== 'state') throw new Error('no state');
    const rules = documentsOf({ live: 'when: { moonPhase: {} }\ntarget: {}' });
    expect(() => replay([{ ...first, rules }])).toThrow(/cannot load the recorded rules/);
  });
});
