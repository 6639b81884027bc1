import { describe, expect, it } from '@jest/globals';
import {
  decisionText,
  oneLine,
  outcomeText,
  type TriggerOutcome,
} from '../../src/outputs/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { archived, failed, notAccepted, refused, triggerOf } from '../support/outcomes.ts';

const cases: [string, TriggerOutcome, string][] = [
  [
    'an archive',
    archived(),
    'shop/cart-a/app: rule rule-a: archive ' +
      'checkpoint-cart-a_shop-app-2026-01-01T00:00:00.123Z.tar (202 MiB, complete), ' +
      'through cri in 1.23s, stood still 480ms, cause: Unhealthy',
  ],
  [
    'a failure, with what helps',
    failed(),
    'shop/cart-a/app: rule rule-a: checkpoint through kubelet failed (established-tcp): ' +
      'the container holds established TCP connections. ' +
      'To do: put tcp-established into /etc/criu/runc.conf on the node. ' +
      'The other side said: criu failed: type NOTIFY errno 0',
  ],
  [
    'a failure whose hint is a sentence',
    { ...failed(), hint: 'Check that it runs.' } as TriggerOutcome,
    'shop/cart-a/app: rule rule-a: checkpoint through kubelet failed (established-tcp): ' +
      'the container holds established TCP connections. To do: Check that it runs. ' +
      'The other side said: criu failed: type NOTIFY errno 0',
  ],
  [
    'a refusal of a guard',
    refused(),
    'shop/cart-a/app: rule rule-a: fired, but nothing was captured: the capture would push a ' +
      'disk towards the eviction threshold (disk-low): 3 GiB free, 4 GiB needed',
  ],
  [
    'a refusal of dispatch',
    notAccepted(),
    'shop/cart-a/app: rule rule-a: fired, but nothing was captured: the allowed number of ' +
      'captures is used up (budget): 6 of 6 this hour',
  ],
  [
    'an archive that is not complete',
    { kind: 'broken', trigger: triggerOf(), archive: 'a.tar', findings: ['no config.dump'] },
    'shop/cart-a/app: rule rule-a: the runtime reported success but the archive is not ' +
      'complete: a.tar: no config.dump',
  ],
];

describe('the line about an outcome', () => {
  it.each(cases)('tells of %s', (_what, outcome, line) => {
    expect(outcomeText(outcome)).toBe(line);
  });

  it('names each rule once and counts the others', () => {
    const target = targetOf('a');
    const decisions = ['a', 'b', 'a', 'c', 'd', 'e'].map((rule) => fireOn(target, { rule }));
    expect(outcomeText(refused('busy', triggerOf(target, decisions)))).toContain(
      'rules a, b, c and 2 more: fired',
    );
  });
});

describe('the line about a decision', () => {
  it('names rule, target, verdict, reason, numbers and signal', () => {
    expect(decisionText(fireOn(targetOf('a'), { detail: '87 % >= 85 %' }))).toBe(
      'rule-a → shop/cart-a/app: fire, the rule matched (fired): 87 % >= 85 % [Unhealthy]',
    );
  });

  it('says so when there is no target', () => {
    const decision = { ...fireOn(targetOf('a')), target: undefined, reason: 'elsewhere' as const };
    expect(decisionText({ ...decision, verdict: 'suppress' })).toContain('rule-a → no target');
  });
});

describe('text from outside', () => {
  it('cannot write a second line or command a terminal', () => {
    const hostile = 'a\r\nb\u001b[31mc\u0007\u2028d\u202ee\u0085f';
    expect(oneLine(hostile)).toBe('a b [31mc d e f');
  });
});
