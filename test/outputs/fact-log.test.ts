import { describe, expect, it } from '@jest/globals';
import { createFactLog, type Output } from '../../src/outputs/index.ts';
import type { Decision } from '../../src/rules/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { archived, failed, notAccepted, refused, triggerOf } from '../support/outcomes.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';

function start() {
  const clock = createFakeClock();
  const lines: LogLine[] = [];
  const trails: LogLine[] = [];
  const { log } = createRecordingLog((line) => {
    (line.level === 'debug' ? trails : lines).push(line);
  });
  return { output: createFactLog(log, clock), clock, lines, trails };
}

const held = (reason: Decision['reason'], letter = 'a') =>
  fireOn(targetOf(letter), { verdict: 'suppress', reason });

describe('the log of facts', () => {
  it('has a line for each decision to fire or to arm, and for what mode observe would do', () => {
    const { output, lines } = start();
    output.decided(fireOn(targetOf('a')));
    output.decided(fireOn(targetOf('a'), { verdict: 'arm', reason: 'armed' }));
    output.decided(held('observed'));
    expect(lines.map(({ level, fields }) => [level, fields.reason])).toEqual([
      ['info', 'fired'],
      ['info', 'armed'],
      ['info', 'observed'],
    ]);
    expect(lines[0]?.fields).toMatchObject({ rule: 'rule-a', target: targetOf('a') });
  });

  it('has none for a signal that was not meant', () => {
    const { output, lines } = start();
    for (const reason of ['no-match', 'elsewhere', 'once-a-life'] as const) {
      output.decided(held(reason));
    }
    expect(lines).toEqual([]);
  });

  it('has one for an alert that a rule wants, about a container that it does not select', () => {
    const { output, lines } = start();
    for (let i = 0; i < 50; i++) output.decided(held('not-selected'));
    expect(lines.map(({ fields }) => fields.reason)).toEqual(['not-selected']);
  });

  it('says once a minute for each target what holds a rule back', async () => {
    const { output, clock, lines } = start();
    for (let i = 0; i < 50; i++) output.decided(held('cooldown'));
    output.decided(held('cooldown', 'b'));
    await clock.advance(60_000);
    output.decided(held('cooldown'));
    expect(lines.map(({ fields }) => fields.unlogged)).toEqual([undefined, undefined, 49]);
  });

  it.each([
    ['is not accepted', (output: Output) => output.ended(notAccepted())],
    ['observes', (output: Output) => output.decided(held('observed'))],
  ])('cannot be flooded by alerts for a rule that %s', async (_name, tell) => {
    const { output, clock, lines } = start();
    for (let i = 0; i < 500; i++) tell(output);
    expect(lines).toHaveLength(1);
    await clock.advance(60_000);
    tell(output);
    expect(lines[1]?.fields.unlogged).toBe(499);
  });

  it('tells at level debug how each decision came about, once a minute for each kind', () => {
    const { output, trails } = start();
    for (let i = 0; i < 50; i++) output.decided(held('window-open'));
    output.decided(fireOn(targetOf('a')));
    expect(trails.map(({ event, fields }) => [event, fields.reason])).toEqual([
      ['trail', 'window-open'],
      ['trail', 'fired'],
    ]);
    expect(trails[0]?.fields.trail).toEqual([
      { part: 'when.event.reason', holds: true, saw: 'Unhealthy', wants: 'Unhealthy' },
    ]);
  });

  it('has a line for each outcome, with what a machine wants to know', () => {
    const { output, lines } = start();
    output.ended(archived());
    output.ended(failed());
    output.ended(refused('expired'));
    output.ended({ kind: 'broken', trigger: triggerOf(), archive: 'a.tar', findings: ['x'] });
    output.ended(notAccepted());
    expect(lines.map(({ level, fields }) => [level, fields.result])).toEqual([
      ['info', 'archived'],
      ['warn', 'failed'],
      ['warn', 'refused'],
      ['warn', 'broken'],
      ['warn', 'not-accepted'],
    ]);
    expect(lines[0]?.fields).toMatchObject({ rules: ['rule-a'], sha256: 'e'.repeat(64) });
    expect(lines[1]?.fields).toMatchObject({ failure: 'established-tcp', backend: 'kubelet' });
  });
});
