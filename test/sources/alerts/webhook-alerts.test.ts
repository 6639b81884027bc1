import { describe, expect, it } from '@jest/globals';
import type { Signal } from '../../../src/signal/index.ts';
import { createWebhookAlertsSource, WEBHOOK_BYTES_MAX } from '../../../src/sources/alerts/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { falcoBody } from '../../support/falco-alert.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

async function start() {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const signals: Signal[] = [];
  const states: string[] = [];
  const source = createWebhookAlertsSource({
    emit: (signal) => signals.push(signal),
    onStatus: (_name, status) => states.push(status.state),
    clock,
    log,
  });
  await source.start();
  return { source, clock, lines, signals, states };
}

describe('the webhook door for alerts', () => {
  it('turns a posted alert into a signal', async () => {
    const { source, signals } = await start();
    expect(source.acceptFalcoAlert(falcoBody())).toEqual({ status: 202, message: 'taken' });
    expect(signals).toMatchObject([{ kind: 'alert', door: 'webhook' }]);
    expect(source.dropped()).toEqual({});
  });

  it('names and counts what it cannot take', async () => {
    const { source, signals } = await start();
    const text = (words: string) => new TextEncoder().encode(words);
    expect(source.acceptFalcoAlert(text('no json')).status).toBe(400);
    expect(source.acceptFalcoAlert(text('{"alerts": []}')).status).toBe(422);
    expect(source.acceptFalcoAlert(new Uint8Array(WEBHOOK_BYTES_MAX + 1)).status).toBe(413);
    expect(source.refuseTooLarge().status).toBe(413);
    expect(source.dropped()).toEqual({ 'not-json': 1, 'bad-shape': 1, 'too-large': 2 });
    expect(signals).toEqual([]);
  });

  it('logs each reason once a minute, with the number left out', async () => {
    const { source, clock, lines } = await start();
    const post = () => source.acceptFalcoAlert(new TextEncoder().encode('no json'));
    for (let i = 0; i < 100; i++) post();
    expect(lines).toMatchObject([{ event: 'alert-dropped', fields: { reason: 'not-json' } }]);
    await clock.advance(60_000);
    post();
    expect(lines).toHaveLength(2);
    expect(lines[1]?.fields).toMatchObject({ unlogged: 99 });
  });

  it('refuses a flood, and takes alerts again when it is over', async () => {
    const { source, clock, signals } = await start();
    for (let i = 0; i < 2_100; i++) source.acceptFalcoAlert(falcoBody());
    expect(signals).toHaveLength(2_000);
    expect(source.acceptFalcoAlert(falcoBody()).status).toBe(429);
    await clock.advance(10);
    expect(source.acceptFalcoAlert(falcoBody()).status).toBe(202);
  });

  it('counts a large alert as several, so that a few thousand of them cannot hold all else up', async () => {
    const { source, clock, signals } = await start();
    const large = falcoBody({ output: 'x'.repeat(200 * 1_024) });
    for (let i = 0; i < 200; i++) source.acceptFalcoAlert(large);
    expect(signals).toHaveLength(76);
    expect(source.acceptFalcoAlert(large).status).toBe(429);
    await clock.advance(1_000);
    for (let i = 0; i < 200; i++) source.acceptFalcoAlert(large);
    expect(signals).toHaveLength(96);
  });

  it('takes nothing before it is started and after it is stopped', async () => {
    const { source, signals, states } = await start();
    await source.stop();
    expect(source.acceptFalcoAlert(falcoBody()).status).toBe(503);
    expect(signals).toEqual([]);
    expect(states).toEqual(['live', 'stopped']);
  });
});
