import { describe, expect, it } from '@jest/globals';
import { chooseSequence } from '../../src/capture/sequence.ts';
import type { GuardStatus } from '../../src/lease/index.ts';
import type { CaptureSpec, Decision } from '../../src/rules/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';

const live: GuardStatus = { state: 'live', pid: 7 };
const absent: GuardStatus = { state: 'absent', why: 'its socket is gone' };

function decision(kind: Decision['signal']['kind'], capture: Partial<CaptureSpec> = {}): Decision {
  const fired = fireOn(targetOf('a'));
  return {
    ...fired,
    signal: { ...fired.signal, kind },
    capture: { ...fired.capture, ...capture },
  };
}

const memory = decision('memory');
const event = decision('event');
const terminating = decision('podChanged', { thawedByMs: 1 });

describe('the sequence of a capture', () => {
  it.each<[string, Decision[], GuardStatus, string, string]>([
    ['memory', [memory], live, 'race frozen', 'auto: the container is about to be killed'],
    ['a termination', [terminating], live, 'race frozen', 'auto: the container is about to'],
    ['an Event', [event], live, 'calm running', 'auto: nothing hurries'],
    ['an Event that memory joined', [event, memory], live, 'race frozen', 'auto: the container'],
    ['a rule for race', [decision('event', { sequence: 'race' })], live, 'race frozen', 'the rule'],
    ['a rule for calm', [decision('memory', { sequence: 'calm' })], live, 'calm running', 'calm'],
    [
      'a rule for frozen files',
      [decision('event', { consistency: 'frozen' })],
      live,
      'race frozen',
      'the rule asks for frozen files',
    ],
    [
      'a race without frozen files',
      [decision('memory', { consistency: 'running' })],
      live,
      'race running',
      'auto: the container is about to be killed',
    ],
    [
      'memory, without a guard',
      [memory],
      absent,
      'calm running',
      'no-guard: its socket is gone; auto: the container is about to be killed',
    ],
    [
      'a rule for frozen files, without a guard',
      [decision('event', { consistency: 'frozen' })],
      absent,
      'calm running',
      'no-guard: its socket is gone; the rule asks for frozen files',
    ],
    ['an Event, without a guard', [event], absent, 'calm running', 'auto: nothing hurries'],
  ])('is for %s', (_, decisions, guard, expected, why) => {
    const { sequence, consistency, sequenceReason } = chooseSequence({ decisions }, guard);
    expect(`${sequence} ${consistency}`).toBe(expected);
    expect(sequenceReason).toContain(why);
  });
});
