import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createAgentClient } from '../../src/cli/agent-client.ts';
import { falcoAlert } from '../support/falco-alert.ts';
import { BOOM, boom, isOfCart, LEAK, statusOf } from './support/acts.ts';
import { CART, cart, MIB, rule, useNodes } from './support/node.ts';

const startNode = useNodes();

describe('a stop', () => {
  it('in the middle of a capture lets it end, and its archive gets its record', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    node.sim.faults.set({ kind: 'slow', factor: 20 }, { times: 1 });
    const before = await node.start();
    boom(node);
    await node.sim.happenings.first('frozen');
    await Promise.all([before.agent.stop(), before.agent.stop()]);
    expect(node.sim.happenings.all('thawed')).toHaveLength(1);
    expect(node.sim.happenings.all('checkpoint-ended')).toMatchObject([{ code: 'OK' }]);

    const [accepted] = before.of('accepted');
    expect(before.of('ended')).toMatchObject([
      { outcome: { kind: 'archived', record: { trigger: { id: accepted?.trigger.id } } } },
    ]);

    const after = await node.start();
    expect((await after.agent.status()).archives).toMatchObject({ ours: 1, foreign: 0 });
    expect(node.sim.happenings.all('checkpoint-received')).toHaveLength(1);
    expect(after.of('accepted')).toEqual([]);
  });

  it('gives a capture up that does not end, and leaves its container running', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    node.sim.faults.set({ kind: 'hang' }, { times: 1 });
    const running = await node.start();
    boom(node);
    await node.sim.happenings.first('frozen');
    await running.agent.stop();
    expect(node.sim.happenings.all('thawed')).toHaveLength(1);
    expect(running.of('ended')).toMatchObject([
      { outcome: { kind: 'failed', failure: 'cancelled', thaw: { end: 'runs' } } },
    ]);
    const after = await node.start();
    expect(after.of('accepted')).toEqual([]);
    expect(node.sim.happenings.all('checkpoint-received')).toHaveLength(1);
  });

  it('leaves what waits for its turn to the next start', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    node.sim.scenario.addPod(cart({ name: 'second' }));
    node.sim.faults.set({ kind: 'slow', factor: 10 }, { times: 1 });
    const before = await node.start();
    boom(node);
    await node.sim.happenings.first('frozen');
    node.sim.scenario.emitEvent(
      { ...CART, pod: 'second' },
      { type: 'Warning', reason: 'Boom', message: 'x', container: 'app' },
    );
    await before.first('accepted', ({ trigger }) => trigger.target.pod === 'second');
    await before.agent.stop();
    const after = await node.start();
    await after.archived('second');
    expect(before.of('ended')).toMatchObject([
      { outcome: { kind: 'archived', record: { pod: 'cart' } } },
    ]);
    expect(node.sim.happenings.all('checkpoint-received')).toHaveLength(2);
  });

  it('does not make a restart forget a cooldown or repeat an Event', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', 'when: { event: { reason: Boom } }, target: {}'));
    node.sim.scenario.addPod(cart());
    const before = await node.start();
    boom(node, 'first');
    await before.archived();
    await before.agent.stop();
    const after = await node.start();
    await after.source('events', 'live');
    boom(node, 'second');
    await after.first('decision');
    expect(after.of('decision')).toMatchObject([{ decision: { reason: 'cooldown' } }]);
  });
});

describe('a checkpoints directory that cannot be written', () => {
  it('refuses captures, says so, and is taken over once it can', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    // Root can write everywhere but through a file.
    const checkpointsDir = join(dirname(node.rulesDir), 'blocked', 'checkpoints');
    writeFileSync(dirname(checkpointsDir), '');
    const running = await node.start({ checkpointsDir });
    expect((await running.agent.status()).disk.problem).toContain('blocked');
    boom(node, 'first');
    const { outcome } = await running.first('ended');
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'not-writable' });
    expect(node.sim.happenings.all('checkpoint-received')).toEqual([]);

    rmSync(dirname(checkpointsDir));
    mkdirSync(checkpointsDir, { recursive: true });
    await running.agent.facts.next('swept');
    expect((await running.agent.status()).disk.problem).toBeUndefined();
    await node.clock.sleep(30_000);
    boom(node, 'second');
    const record = await running.archived();
    expect(existsSync(join(checkpointsDir, record.archive))).toBe(true);
  });
});

describe('alerts that are no alerts', () => {
  it('are refused by their size and their form, and the agent goes on', async () => {
    const node = await startNode();
    const when = 'when: { alert: { shape: falco, match: [{ field: rule, glob: "*" }] } }';
    node.rules('shell', rule('shell', `${when}, target: {}`));
    node.sim.scenario.addPod(cart());
    const running = await node.start();
    expect(await running.alert('x'.repeat(2_000_000))).toBe(413);
    expect(await running.alert('shell in container!')).toBe(400);
    expect(await running.alert('"text"')).toBe(422);
    expect(running.of('decision')).toEqual([]);
    const { sources } = await running.agent.status();
    expect(sources.find(({ name }) => name === 'alerts-webhook')?.dropped).toMatchObject({
      'too-large': 1,
      'not-json': 1,
      'bad-shape': 1,
    });
    const { life } = node.sim.scenario.running(CART);
    const fields = { 'container.id': life.containerId.slice(0, 12) };
    expect(await running.alert(falcoAlert({ output_fields: fields }))).toBe(202);
    await running.archived();
  });

  it('about containers that nobody knows are named, and lead to nothing', async () => {
    const node = await startNode();
    const when = 'when: { alert: { shape: falco, match: [{ field: rule, glob: "*" }] } }';
    node.rules('shell', rule('shell', `${when}, target: {}`));
    node.sim.scenario.addPod(cart());
    const running = await node.start();
    const fields = { 'container.id': 'deadbeefdead' };
    const hostname = node.sim.info.nodeName;
    await running.alert(falcoAlert({ hostname, output_fields: fields }));
    const { decision } = await running.first('decision');
    expect(decision.reason).toBe('target-unknown');
    expect(node.sim.happenings.all('checkpoint-received')).toEqual([]);
  });
});

describe('two agents', () => {
  it('do not run on one socket; the first goes on', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    const first = await node.start();
    await expect(node.start()).rejects.toMatchObject({ code: 'conflict' });
    boom(node);
    await first.archived();
  });

  it('may follow one another on the socket that a crash left', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    const first = await node.start();
    await first.agent.stop();
    writeFileSync(node.config.socket, '');
    await expect(node.start()).rejects.toMatchObject({ code: 'not-writable' });
    rmSync(node.config.socket);
    await node.start();
  });
});

describe('rules with a mistake at the start', () => {
  it('put nothing in force, and the agent is not ready, until they are corrected', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', 'wen: { event: { reason: Boom } }, target: {}'));
    node.sim.scenario.addPod(cart());
    const running = await node.start();
    expect(await statusOf(running, 'pods')).toMatchObject({ state: 'live' });
    const { rules } = await running.agent.status();
    expect(rules).toMatchObject({ loaded: [], refused: expect.stringContaining('boom.yaml') });
    expect(await running.ready()).toBe(false);
    expect(await running.read('/readyz')).toBe('not ready: rules-refused\n');
    const told = (await running.read('/metrics')).split('\n');
    expect(told).toContain('stillpoint_state{of="rules",state="refused"} 1');
    expect(told).toContain('stillpoint_rules_refused_total 1');
    expect(JSON.stringify(node.lines)).toContain('rules-refused');

    const writtenMs = node.clock.monotonicMs();
    node.rules('boom', `${rule('boom', BOOM)}---\n${rule('leak', LEAK)}`);
    await running.first('rules-loaded');
    expect(node.clock.monotonicMs() - writtenMs).toBeLessThan(1_500);
    expect(await running.ready()).toBe(true);
    // The pod was seen before there were rules; it is known all the same.
    boom(node);
    await running.archived();
    node.sim.scenario.setMemory(CART, 240 * MIB);
    await running.first('decision', ({ decision }) => decision.rule === 'leak');
  });

  it('do not bring back pods that went before they were corrected', async () => {
    const node = await startNode();
    node.rules('boom', rule('boom', BOOM));
    node.sim.scenario.addPod(cart());
    const before = await node.start();
    await before.first('signal', isOfCart);
    await before.agent.stop();
    await node.sim.scenario.deletePod(CART, 0);
    node.rules('boom', 'kind: [');
    const running = await node.start();
    await running.source('pods', 'live');
    node.rules('boom', rule('boom', BOOM));
    await running.first('rules-loaded');
    const asked = createAgentClient(node.config.socket).lines('POST', '/v1/captures', {
      namespace: 'shop',
      pod: 'cart',
      via: 'auto',
      by: 'test',
    });
    const answers: unknown[] = [];
    for await (const answer of asked) answers.push(answer);
    expect(answers).toMatchObject([{ kind: 'refused', reason: 'target-unknown' }]);
  });
});

describe('retention', () => {
  it('keeps the newest three, and touches nothing that is not ours', async () => {
    const node = await startNode();
    const when = 'when: { schedule: { cron: "*/15 * * * * *", timeZone: UTC } }';
    const policy = [
      'apiVersion: stillpoint.dev/v1alpha1',
      'kind: RetentionPolicy',
      'metadata: { name: three }',
      'spec: { select: { classes: [scheduled] }, groupBy: [pod], keep: { last: 3 } }',
    ].join('\n');
    const tick = `${when}, target: {}, limits: { cooldown: 0s }, retain: { class: scheduled }`;
    node.rules('tick', `${rule('tick', tick)}---\n${policy}\n`);
    node.sim.scenario.addPod(cart());
    const running = await node.start({ limits: { ...node.config.limits, capturesPerHour: 50 } });
    const at = (name: string) => join(node.config.checkpointsDir, name);
    const first = await running.archived();

    // A file that only looks like an archive, a link to one of ours, and an archive by hand.
    const junk = at('checkpoint-junk_shop-app-2020-01-01T00:00:00Z.tar');
    writeFileSync(junk, 'junk');
    const link = at('checkpoint-link_shop-app-2020-01-01T00:00:00Z.tar');
    const keepsake = join(dirname(node.rulesDir), 'keepsake.tar');
    writeFileSync(keepsake, 'precious');
    symlinkSync(keepsake, link);
    writeFileSync(at('notes.txt'), 'mine');
    const byHand = at('checkpoint-cart_shop-app-2020-01-01T00:00:00Z.tar');
    writeFileSync(byHand, 'by hand');

    await running.first('swept', ({ report }) => report.removedBytes > 0);
    await running.agent.facts.next('swept', ({ report }) => report.removedBytes > 0);
    await running.agent.stop();
    const left = readdirSync(node.config.checkpointsDir).filter((name) => name !== '.stillpoint');
    expect(left).not.toContain(first.archive);
    for (const path of [junk, link, at('notes.txt'), byHand, keepsake]) {
      expect(existsSync(path)).toBe(true);
    }
    expect(
      left.filter((name) => name.includes('cart_shop') && !byHand.endsWith(name)),
    ).toHaveLength(3);
  });
});

describe('a second agent on the checkpoints directory of the first', () => {
  it('does not start, though state, socket and port are its own; later it may', async () => {
    const node = await startNode();
    const dir = dirname(node.rulesDir);
    const own = { stateDir: join(dir, 'state-2'), socket: join(dir, 'agent-2.sock') };
    const first = await node.start();
    await expect(node.start(own)).rejects.toMatchObject({
      code: 'conflict',
      message: `another agent works on ${node.config.checkpointsDir}`,
    });
    expect(existsSync(own.socket)).toBe(false);
    await first.agent.stop();
    await node.start(own);
  });
});
