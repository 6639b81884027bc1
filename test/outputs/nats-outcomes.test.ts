import { describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import type { PublishResult } from '../../src/nats/index.ts';
import { createNatsOutcomes } from '../../src/outputs/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { archived, notAccepted, triggerOf } from '../support/outcomes.ts';
import { createRecordingLog } from '../support/recording-log.ts';

function start(result: PublishResult = { kind: 'sent' }) {
  const sent: { subject: string; text: string }[] = [];
  const { log, lines } = createRecordingLog();
  const output = createNatsOutcomes({
    connection: {
      publish(subject, data) {
        sent.push({ subject, text: new TextDecoder().decode(data) });
        return result;
      },
    },
    node: 'ip-10-0-0-1.ec2.internal',
    clock: createFakeClock(),
    log,
  });
  return { output, sent, lines };
}

describe('outcomes on NATS', () => {
  it('go to a subject with the node as one token', () => {
    const { output, sent } = start();
    output.ended(archived());
    expect(sent[0]?.subject).toBe('stillpoint.outcomes.ip-10-0-0-1_ec2_internal');
    expect(JSON.parse(sent[0]?.text ?? '')).toMatchObject({
      kind: 'Outcome',
      at: '2026-01-01T00:00:00.000Z',
      node: 'ip-10-0-0-1.ec2.internal',
      result: 'archived',
      target: { namespace: 'shop', pod: 'cart-a', container: 'app' },
      trigger: 'mk00-00000001',
      archive: { bytes: 211_812_352, sha256: 'e'.repeat(64), verified: 'complete' },
      causes: [{ rule: 'rule-a', reason: 'fired', text: 'Unhealthy' }],
      causesInAll: 1,
    });
  });

  it('hold no alert payload and a bounded number of causes', () => {
    const target = targetOf('a');
    const alert = { kind: 'alert' as const, occurredMs: 0, seenMs: 0, text: 'shell' };
    const signal = { ...alert, data: { 'output_fields.proc.cmdline': 'login --password secret' } };
    const decisions = Array.from({ length: 500 }, () => fireOn(target, { signal }));
    const { output, sent } = start();
    output.ended(archived(triggerOf(target, decisions)));
    expect(sent[0]?.text).not.toContain('secret');
    const document = JSON.parse(sent[0]?.text ?? '');
    expect([document.causes.length, document.causesInAll]).toEqual([32, 500]);
  });

  it('that could not be sent are counted by code and logged once a minute', () => {
    const error = new StillpointError({ code: 'unreachable', message: 'not connected' });
    const { output, lines } = start({ kind: 'refused', error });
    output.ended(notAccepted());
    output.ended(notAccepted());
    expect(output.dropped()).toEqual({ unreachable: 2 });
    expect(lines).toHaveLength(1);
  });
});
