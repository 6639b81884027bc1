import { describe, expect, it } from '@jest/globals';
import type { Signal } from '../../../src/signal/index.ts';
import {
  type AlertMaps,
  createWebhookAlertsSource,
  WEBHOOK_BYTES_MAX,
} from '../../../src/sources/alerts/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { falcoBody } from '../../support/falco-alert.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

async function start(maps: AlertMaps = {}) {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const signals: Signal[] = [];
  const states: string[] = [];
  const source = createWebhookAlertsSource({
    maps,
    emit: (signal) => signals.push(signal),
    onStatus: (_name, status) => states.push(status.state),
    clock,
    log,
  });
  await source.start();
  const post = (data: Uint8Array) => source.accept('falco', { data });
  return { source, post, clock, lines, signals, states };
}

describe('the webhook door for alerts', () => {
  it('turns a posted alert into a signal', async () => {
    const { source, post, signals } = await start();
    expect(post(falcoBody())).toEqual({ status: 202, message: 'taken' });
    expect(signals).toMatchObject([{ kind: 'alert', door: 'webhook' }]);
    expect(source.dropped()).toEqual({});
  });

  it('names and counts what it cannot take', async () => {
    const { source, post, signals } = await start();
    const text = (words: string) => new TextEncoder().encode(words);
    expect(post(text('no json')).status).toBe(400);
    expect(post(text('{"alerts": []}')).status).toBe(422);
    expect(post(new Uint8Array(WEBHOOK_BYTES_MAX + 1)).status).toBe(413);
    expect(source.refuseTooLarge().status).toBe(413);
    expect(source.dropped()).toEqual({ 'not-json': 1, 'bad-shape': 1, 'too-large': 2 });
    expect(signals).toEqual([]);
  });

  it('tells how many alerts of a body it took, and counts the others', async () => {
    const { source, signals } = await start();
    const alerts = [...Array.from({ length: 300 }, () => ({ labels: {} })), {}];
    const data = new TextEncoder().encode(JSON.stringify({ alerts }));
    const reply = source.accept('alertmanager', { data });
    expect(reply).toEqual({ status: 202, message: 'taken 256 of 301' });
    expect(signals).toHaveLength(256);
    expect(source.dropped()).toEqual({ 'too-many': 45 });
  });

  it('refuses a flood of bodies with many alerts each, as a whole', async () => {
    const { source, clock, signals } = await start();
    const alerts = Array.from({ length: 200 }, () => ({ labels: {} }));
    const data = new TextEncoder().encode(JSON.stringify({ alerts }));
    const statuses = Array.from(
      { length: 11 },
      () => source.accept('alertmanager', { data }).status,
    );
    expect(statuses.slice(0, 9)).toEqual(Array(9).fill(202));
    expect(statuses.at(-1)).toBe(429);
    const taken = signals.length;
    await clock.advance(1_000);
    expect(source.accept('alertmanager', { data }).status).toBe(202);
    expect(signals).toHaveLength(taken + 200);
  });

  it('takes the shapes that it has a parser for', async () => {
    const { source, signals } = await start({ json: { siem: { pod: 'pod' } } });
    expect(source.shapes).toEqual(['falco', 'alertmanager', 'cloudevents', 'json/siem']);
    const data = new TextEncoder().encode('{"pod": "cart"}');
    expect(source.accept('json/siem', { data }).status).toBe(202);
    expect(source.accept('json/other', { data }).status).toBe(422);
    expect(signals).toMatchObject([{ shape: 'json/siem', hints: { pod: 'cart' } }]);
  });

  it('logs each reason once a minute, with the number left out', async () => {
    const { post, clock, lines } = await start();
    const again = () => post(new TextEncoder().encode('no json'));
    for (let i = 0; i < 100; i++) again();
    expect(lines).toMatchObject([{ event: 'alert-dropped', fields: { reason: 'not-json' } }]);
    await clock.advance(60_000);
    again();
    expect(lines).toHaveLength(2);
    expect(lines[1]?.fields).toMatchObject({ unlogged: 99 });
  });

  it('refuses a flood, and takes alerts again when it is over', async () => {
    const { post, clock, signals } = await start();
    for (let i = 0; i < 2_100; i++) post(falcoBody());
    expect(signals).toHaveLength(2_000);
    expect(post(falcoBody()).status).toBe(429);
    await clock.advance(10);
    expect(post(falcoBody()).status).toBe(202);
  });

  it('counts a large alert as several, so that a few thousand of them cannot hold all else up', async () => {
    const { post, clock, signals } = await start();
    const large = falcoBody({ output: 'x'.repeat(200 * 1_024) });
    for (let i = 0; i < 200; i++) post(large);
    expect(signals).toHaveLength(39);
    expect(post(large).status).toBe(429);
    await clock.advance(1_000);
    for (let i = 0; i < 200; i++) post(large);
    expect(signals).toHaveLength(49);
  });

  it('takes nothing before it is started and after it is stopped', async () => {
    const { source, post, signals, states } = await start();
    await source.stop();
    expect(post(falcoBody()).status).toBe(503);
    expect(signals).toEqual([]);
    expect(states).toEqual(['live', 'stopped']);
  });
});
