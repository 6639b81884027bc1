import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { FactOf } from '../../src/agent/index.ts';
import { createRandom, silentLogger, systemClock } from '../../src/base/index.ts';
import { connectNats } from '../../src/nats/index.ts';
import { startFakeNats } from '../support/fake-nats.ts';
import { falcoAlert } from '../support/falco-alert.ts';
import { BOOM, boom, isOfCart, LEAK, statusOf } from './support/acts.ts';
import { CART, cart, type RunningAgent, rule, type TestNode, useNodes } from './support/node.ts';

const startNode = useNodes();

function fired(running: RunningAgent) {
  return running.of('decision').filter(({ decision }) => decision.verdict === 'fire');
}

describe('an agent whose API server is away at the start', () => {
  it('is degraded, says so, is not ready; and lives once it is there', async () => {
    const node = await startNode();
    node.rules('leak', rule('leak', LEAK));
    node.sim.scenario.addPod(cart());
    await node.sim.api.stop();
    const running = await node.start();
    for (const source of ['pods', 'events']) {
      expect(await statusOf(running, source)).toMatchObject({
        state: 'degraded',
        reason: expect.stringMatching(/unreachable/),
      });
    }
    const degraded = node.lines.find(({ fields }) => fields.state === 'degraded');
    expect(degraded).toMatchObject({ event: 'source', level: 'warn' });
    expect(await running.ready()).toBe(false);
    await node.sim.api.start();
    await running.source('pods', 'live');
    await running.source('events', 'live');
    expect(await running.ready()).toBe(true);
    void node.sim.scenario.leak(CART, 100_000_000);
    await running.archived();
  });

  it('captures what the last agent knew, with nobody to ask', async () => {
    const node = await startNode();
    node.rules('leak', rule('leak', LEAK));
    node.sim.scenario.addPod(cart());
    const before = await node.start();
    await before.first('signal', isOfCart);
    await before.agent.stop();
    await node.sim.api.stop();
    const running = await node.start();
    void node.sim.scenario.leak(CART, 100_000_000);
    expect(await running.archived()).toMatchObject({ pod: 'cart', backend: 'containerd' });
  });
});

describe('an agent whose runtime is away at the start', () => {
  it('watches memory once the runtime is there', async () => {
    const node = await startNode();
    node.rules('leak', rule('leak', LEAK));
    node.sim.scenario.addPod(cart());
    await node.sim.runtime.stop();
    const running = await node.start();
    const { backends } = await running.agent.status();
    expect(backends).toMatchObject([
      { name: 'containerd', state: 'absent' },
      { name: 'cri', state: 'absent' },
      { name: 'kubelet', state: 'available' },
    ]);
    expect(node.lines.map(({ event }) => event)).toContain('memory-target-unknown');
    await node.sim.runtime.start();
    void node.sim.scenario.leak(CART, 50_000_000);
    expect(await running.archived()).toMatchObject({ backend: 'containerd' });
  });
});

describe('an agent whose kubelet is away', () => {
  it('names the failure, and captures through it once it is there', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', `${BOOM}, capture: { via: kubelet }`));
    node.sim.scenario.addPod(cart());
    await node.sim.kubelet.stop();
    const running = await node.start();
    boom(node, 'first');
    const { outcome } = await running.first('ended');
    expect(outcome).toMatchObject({ kind: 'failed', failure: 'unreachable' });
    await node.sim.kubelet.start();
    boom(node, 'second');
    expect(await running.archived()).toMatchObject({ backend: 'kubelet' });
  });
});

describe('a container that dies while it is captured', () => {
  it('is named for that, whatever the runtime says', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    node.sim.faults.set({ kind: 'slow', factor: 20 }, { times: 1 });
    const running = await node.start();
    boom(node);
    await node.sim.happenings.first('frozen');
    node.sim.scenario.exit(CART, 137, 'OOMKilled');
    const { outcome } = await running.first('ended');
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: 'died-during-capture',
      hint: expect.stringContaining('earlier'),
      thaw: { end: 'gone' },
    });
  });
});

describe('an agent whose NATS server is away at the start', () => {
  it('is degraded, and takes alerts once it is there', async () => {
    const node = await startNode();
    const when = 'when: { alert: { shape: falco, match: [{ field: rule, glob: "*" }] } }';
    node.rules('shell', rule('shell', `${when}, target: {}`));
    node.sim.scenario.addPod(cart());
    const port = await freePort();
    const nats = { servers: [`nats://127.0.0.1:${port}`], subjects: ['falco.>'], outcomes: true };
    const running = await node.start({ nats });
    expect(await statusOf(running, 'alerts-nats')).toMatchObject({ state: 'degraded' });
    const server = await startFakeNats({ port });
    await running.source('alerts-nats', 'live');
    const { life } = node.sim.scenario.running(CART);
    const fields = { 'container.id': life.containerId.slice(0, 12) };
    await publish(server.url, 'falco.critical', falcoAlert({ output_fields: fields }));
    expect(await running.archived()).toMatchObject({ pod: 'cart' });
    await running.agent.stop();
    await server.stop();
  });
});

describe('an API server that goes away for a while', () => {
  it('stops no capture on memory; no decision is repeated and none is lost', async () => {
    const node = await startNode();
    node.rules('rules', `${rule('leak', LEAK)}---\n${rule('boom', BOOM)}`);
    node.sim.scenario.addPod(cart());
    node.sim.scenario.addPod(cart({ name: 'leaky' }));
    const running = await node.start();
    boom(node, 'before');
    await running.archived();

    await node.sim.api.stop();
    await running.source('pods', 'degraded');
    void node.sim.scenario.leak({ ...CART, pod: 'leaky' }, 100_000_000);
    await running.archived('leaky');
    boom(node, 'meanwhile');
    expect(fired(running)).toHaveLength(2);

    await node.sim.api.start();
    await running.source('pods', 'live');
    await running.source('events', 'live');
    const isLate = (text: string) => (fact: FactOf<'decision'>) =>
      fact.decision.signal.text.includes(text);
    await running.first('decision', isLate('meanwhile'));
    boom(node, 'after');
    await running.first('decision', isLate('after'));
    const booms = fired(running).filter(({ decision }) => decision.rule === 'boom');
    expect(booms.map(({ decision }) => decision.signal.text.split(' ').at(-1))).toEqual([
      'before',
      'meanwhile',
      'after',
    ]);
  });

  it('is forgiven when its history is gone meanwhile', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    const running = await node.start();
    await node.sim.api.stop();
    await running.source('pods', 'degraded');
    await node.sim.scenario.deletePod(CART, 0);
    node.sim.scenario.addPod(cart({ name: 'other' }));
    node.sim.compact();
    await node.sim.api.start();
    await running.source('pods', 'live');
    await running.first('signal', ({ signal }) => signal.kind === 'podGone');
    const { outcome } = await captureOf(running, node, 'other');
    expect(outcome.kind).toBe('archived');
  });
});

async function captureOf(running: RunningAgent, { sim }: TestNode, pod: string) {
  sim.scenario.emitEvent(
    { namespace: 'shop', pod },
    { type: 'Warning', reason: 'Boom', message: 'x', container: 'app' },
  );
  return running.first('ended', ({ outcome }) => {
    return outcome.kind !== 'not-accepted' && outcome.trigger.target.pod === pod;
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

async function publish(url: string, subject: string, alert: unknown): Promise<void> {
  const connection = await connectNats({
    servers: [url],
    name: 'falcosidekick',
    clock: systemClock,
    random: createRandom(2),
    log: silentLogger,
  });
  const data = new TextEncoder().encode(JSON.stringify(alert));
  while (connection.publish(subject, data).kind === 'refused') await systemClock.sleep(10);
  await connection.close();
}
