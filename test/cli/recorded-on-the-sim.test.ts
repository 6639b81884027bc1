import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CART, cart, MIB, type RunningAgent, rule, useNodes } from '../agent/support/node.ts';
import { run } from './rig.ts';

const startNode = useNodes();
const LEAK = 'when: { memory: { above: 85% } }, target: {}, limits: { cooldown: 0s }';
const LIVE = 'when: { event: { reason: Unhealthy, atLeast: 2, within: 1m } }, target: {}';

async function decided(running: RunningAgent, rule: string, reason: string): Promise<void> {
  await running.first('decision', ({ decision }) => {
    return decision.rule === rule && decision.reason === reason;
  });
}

async function startRecorded() {
  const node = await startNode();
  node.rules('leak', rule('leak', LEAK));
  node.sim.scenario.addPod(cart());
  const path = join(node.config.stateDir, 'recording.ndjson');
  const record = { path, maxBytes: 64 * MIB, redact: true };
  const unhealthy = () =>
    node.sim.scenario.emitEvent(CART, {
      reason: 'Unhealthy',
      type: 'Warning',
      message: 'Liveness probe failed: timeout',
    });
  return { node, path, unhealthy, start: () => node.start({ record }) };
}

describe('an agent that records', () => {
  it('is replayed to the same decisions: over a reload, a refusal and a restart', async () => {
    const { node, path, unhealthy, start } = await startRecorded();
    const first = await start();
    const ask = (...argv: string[]) => run(...argv, '--socket', node.config.socket);
    await first.source('pods', 'live');
    await first.source('events', 'live');
    node.sim.scenario.setMemory(CART, 240 * MIB);
    await first.archived();
    node.rules('live', rule('live', LIVE));
    // Files are read in real time, while the clock of the node runs ahead.
    await first.agent.facts.next('rules-loaded', ({ rules }) => rules === 2, 3_600_000);
    unhealthy();
    await decided(first, 'live', 'window-open');
    const open = await ask('rules', 'explain', 'shop/cart');
    expect(open.out).toMatch(/^leak +memory +once-a-life +fired at /m);
    expect(open.out).toMatch(/^live +event +window-open +1 of 2 within 1m$/m);
    expect((await ask('pause')).code).toBe(0);
    unhealthy();
    await first.first('ended', ({ outcome }) => outcome.kind === 'not-accepted');
    expect((await ask('status')).out).toMatch(/^recording +writing, .*recording\.ndjson \(/m);
    await first.agent.stop();

    const second = await start();
    await second.source('pods', 'live');
    await second.source('events', 'live');
    unhealthy();
    await decided(second, 'live', 'cooldown');
    await second.agent.stop();

    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { code, out } = await run('rules', 'replay', `${path}.1`, path, '--all');
    expect(out).toMatch(/all \d+ decisions are those that the agent made\n$/);
    expect(code).toBe(0);
    const made = [...first.of('decision'), ...second.of('decision')];
    expect(out).toContain(`all ${made.length} decisions`);
    expect(new Set(made.map(({ decision }) => decision.reason))).toEqual(
      new Set(['fired', 'window-open', 'cooldown']),
    );
    const asked = await run('rules', 'explain', 'shop/cart', '--recording', path);
    expect(asked.out).toMatch(/^live +event +cooldown +until /m);
  });
});
