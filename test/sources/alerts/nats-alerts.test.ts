import { afterEach, describe, expect, it } from '@jest/globals';
import { createRandom, silentLogger, systemClock } from '../../../src/base/index.ts';
import { connectNats, type NatsConnection } from '../../../src/nats/index.ts';
import type { AlertSignal, Signal } from '../../../src/signal/index.ts';
import { createNatsAlertsSource } from '../../../src/sources/alerts/index.ts';
import type { SourceStatus } from '../../../src/sources/index.ts';
import { type FakeNats, startFakeNats } from '../../support/fake-nats.ts';
import { falcoBody } from '../../support/falco-alert.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let step = undo.pop(); step; step = undo.pop()) await step();
});

function connect(server: FakeNats): NatsConnection {
  const connection = connectNats({
    servers: [server.url],
    name: 'test',
    clock: systemClock,
    random: createRandom(1),
    log: silentLogger,
  });
  undo.push(() => connection.close());
  return connection;
}

/** A source on a fake server, and a second connection that publishes to it. */
async function start(options: Parameters<typeof startFakeNats>[0] = {}) {
  const server = await startFakeNats(options);
  undo.push(() => server.stop());
  const signals: Signal[] = [];
  const states: SourceStatus[] = [];
  const heard = createBell();
  const source = createNatsAlertsSource({
    connection: connect(server),
    subjects: [
      { subject: 'falco.>', shape: 'falco' },
      { subject: 'alerts.>', shape: 'alertmanager' },
    ],
    emit: (signal) => {
      signals.push(signal);
      heard.ring();
    },
    onStatus: (_name, status) => {
      states.push(status);
      heard.ring();
    },
    clock: systemClock,
    log: silentLogger,
  });
  await source.start();
  undo.push(() => source.stop());
  const until = (holds: () => boolean) => heard.until(holds);
  return { server, source, signals, states, until, sender: connect(server) };
}

function createBell() {
  const waiting = new Set<() => void>();
  return {
    ring: () => {
      for (const look of waiting) look();
    },
    until: (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!holds()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

async function connected(connection: NatsConnection): Promise<void> {
  if (connection.status().state === 'connected') return;
  await new Promise<void>((resolve) => {
    const cancel = connection.onStatus(({ state }) => {
      if (state !== 'connected') return;
      cancel();
      resolve();
    });
  });
}

describe('the NATS door for alerts', () => {
  it('hears every priority and rule of falcosidekick', async () => {
    const { server, source, signals, until, sender } = await start();
    await server.subscribed('falco.>');
    await connected(sender);
    sender.publish('falco.critical.terminal_shell_in_container', falcoBody());
    sender.publish('falco.notice.other', falcoBody({ rule: 'Other' }));
    await until(() => signals.length === 2);
    expect((signals as AlertSignal[]).map(({ door, fields }) => [door, fields.rule])).toEqual([
      ['nats', 'Terminal shell in container'],
      ['nats', 'Other'],
    ]);
    expect(source.status().state).toBe('live');
  });

  it('drops 2 MB, words and foreign JSON, counts them, and goes on', async () => {
    const { server, source, signals, until, sender } = await start({ payloadBytesMax: 4_194_304 });
    await server.subscribed('falco.>');
    await connected(sender);
    sender.publish('falco.a.b', new Uint8Array(2_000_000));
    sender.publish('falco.a.b', new TextEncoder().encode('words'));
    sender.publish('falco.a.b', new TextEncoder().encode('{"status": "firing"}'));
    sender.publish('falco.a.b', falcoBody());
    await until(() => signals.length === 1);
    expect(source.dropped()).toEqual({ 'too-large': 1, 'not-json': 1, 'bad-shape': 1 });
  });

  it('reads each subject by its own shape', async () => {
    const { server, signals, until, sender } = await start();
    await server.subscribed('alerts.>');
    await connected(sender);
    const labels = { alertname: 'High', pod: 'cart' };
    const body = { alerts: [{ labels }, { labels }] };
    sender.publish('alerts.a', new TextEncoder().encode(JSON.stringify(body)));
    await until(() => signals.length === 2);
    expect(signals).toMatchObject([{ shape: 'alertmanager' }, { hints: { pod: 'cart' } }]);
  });

  it('refuses to start for a shape without a map', async () => {
    const server = await startFakeNats();
    undo.push(() => server.stop());
    const source = createNatsAlertsSource({
      connection: connect(server),
      subjects: [{ subject: 'a', shape: 'json/unknown' }],
      emit: () => undefined,
      onStatus: () => undefined,
      clock: systemClock,
      log: silentLogger,
    });
    await expect(source.start()).rejects.toMatchObject({ code: 'bad-config' });
  });

  it('is degraded with the reason when the server refuses the subject', async () => {
    const { states, until } = await start({ denySubscribe: ['falco.>'] });
    await until(() => states.at(-1)?.state === 'degraded');
    expect(JSON.stringify(states.at(-1))).toMatch(/Permissions Violation/);
  });

  it('is degraded when the server goes away', async () => {
    const { server, states, until } = await start();
    await until(() => states.at(-1)?.state === 'live');
    await server.stop();
    await until(() => states.at(-1)?.state === 'degraded');
  });

  it('emits nothing after it is stopped', async () => {
    const { server, source, signals, sender } = await start();
    await server.subscribed('falco.>');
    await connected(sender);
    await source.stop();
    expect(source.status().state).toBe('stopped');
    const echo = new Promise<void>((resolve) => sender.subscribe('falco.>', () => resolve()));
    await server.subscribed('falco.>');
    sender.publish('falco.a.b', falcoBody());
    await echo;
    expect(signals).toEqual([]);
  });
});
