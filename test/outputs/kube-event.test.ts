import { describe, expect, it } from '@jest/globals';
import type { TriggerOutcome } from '../../src/outputs/index.ts';
import { cutToBytes, eventFactsOf, kubeEventOf } from '../../src/outputs/kube-event.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { archived, failed, notAccepted, refused, triggerOf } from '../support/outcomes.ts';

const kinds: [string, TriggerOutcome, string, string][] = [
  ['an archive', archived(), 'CheckpointCreated', 'Normal'],
  ['a failure', failed(), 'CheckpointFailed', 'Warning'],
  [
    'an archive that is not complete',
    { kind: 'broken', trigger: triggerOf(), archive: 'a.tar', findings: [] },
    'CheckpointFailed',
    'Warning',
  ],
  ['a limit that did its work', notAccepted(), 'CheckpointSkipped', 'Normal'],
  ['a disk that somebody must free', refused('disk-low'), 'CheckpointSkipped', 'Warning'],
  ['a container that was gone', refused('expired'), 'CheckpointSkipped', 'Normal'],
];

describe('the Event for an outcome', () => {
  it.each(kinds)('of %s', (_what, outcome, reason, type) => {
    expect(eventFactsOf(outcome)).toMatchObject({ reason, type });
  });

  it('is none when there is no pod to hang it on', () => {
    const decision = { ...fireOn(targetOf('a')), target: undefined };
    expect(eventFactsOf(notAccepted(decision))).toBeUndefined();
  });

  it('counts the same failure together, another one and another archive apart', () => {
    const key = (outcome: TriggerOutcome) => eventFactsOf(outcome)?.key;
    expect(key(failed())).toBe(key(failed(undefined, { message: 'other words' })));
    expect(key(failed())).not.toBe(key(failed(undefined, { failure: 'io-uring' })));
    expect(key(failed())).not.toBe(key(failed(triggerOf(targetOf('b')))));
    expect(key(archived())).not.toBe(key(archived(undefined, { archive: 'other.tar' })));
  });

  it('has the fields of core/v1 that kubectl shows', () => {
    const facts = eventFactsOf(archived());
    if (facts === undefined) throw new Error('no facts');
    const about = { name: 'cart-a.1', node: 'node-a', firstMs: 1_500, lastMs: 61_500, count: 2 };
    expect(kubeEventOf(facts, about)).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'cart-a.1', namespace: 'shop' },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace: 'shop',
        name: 'cart-a',
        uid: 'uid-a',
        fieldPath: 'spec.containers{app}',
      },
      reason: 'CheckpointCreated',
      type: 'Normal',
      message: facts.message,
      source: { component: 'stillpoint', host: 'node-a' },
      reportingComponent: 'stillpoint.dev/agent',
      reportingInstance: 'node-a',
      firstTimestamp: '1970-01-01T00:00:01Z',
      lastTimestamp: '1970-01-01T00:01:01Z',
      count: 2,
    });
  });

  it('is cut to what the API server takes', () => {
    const facts = eventFactsOf(failed(undefined, { message: 'ä'.repeat(5_000) }));
    expect(Buffer.byteLength(facts?.message ?? '')).toBeLessThanOrEqual(1_024);
    expect(facts?.message).toMatch(/ä…$/);
  });
});

describe('cutToBytes', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcdef', 5, 'ab…'],
    ['€€€', 8, '€…'],
    ['a€€', 6, 'a…'],
  ])('cuts %s to %d bytes', (text, bytesMax, cut) => {
    expect(cutToBytes(text, bytesMax)).toBe(cut);
  });
});
