import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createAgentClient } from '../../src/cli/agent-client.ts';
import type { DoctorReport, Line } from '../../src/doctor/index.ts';
import { agentMay } from '../../src/sim/identities.ts';
import { CART, cart, MIB, rule, type TestNode, useNodes } from '../agent/support/node.ts';
import { CONTROL, type Ran, run, runWith } from '../cli/rig.ts';

const startNode = useNodes();
const CANARY = 'stillpoint-canary-1';

/** Writes the configuration of that node, as a file, for a command line. */
function configFile({ config, sim }: TestNode, more: object = {}): string {
  const path = join(config.stateDir, '..', 'stillpoint.yaml');
  const head = { apiVersion: 'stillpoint.dev/v1alpha1', kind: 'AgentConfig' };
  const document = { ...head, ...config, node: sim.info.nodeName, ...more };
  writeFileSync(path, JSON.stringify(document));
  return path;
}

async function look(node: TestNode, more: object = {}, ...argv: string[]) {
  const ran = await run('doctor', '--config', configFile(node, more), '-o', 'json', ...argv);
  const report = JSON.parse(ran.out) as DoctorReport;
  const of = (check: string): Line | undefined => report.lines.find((line) => line.check === check);
  return { ...ran, report, of };
}

async function startWithAgent() {
  const node = await startNode();
  node.rules('leak', rule('leak', 'when: { memory: { above: 85% } }, target: {}'));
  node.sim.scenario.addPod(cart());
  const running = await node.start();
  await running.first('signal', ({ signal }) => {
    return signal.kind === 'podChanged' && signal.pod.phase === 'Running';
  });
  return { node, running };
}

describe('stillpoint doctor', () => {
  it('finds nothing wrong on a node that is right, before an agent runs', async () => {
    const node = await startNode();
    node.rules('leak', rule('leak', 'when: { memory: { above: 85% } }, target: {}'));
    node.sim.scenario.addPod(cart());
    const { code, report, of } = await look(node);
    expect(report.lines.filter(({ state }) => state === 'fail')).toEqual([]);
    expect(code).toBe(0);
    expect(report.node).toBe('sim-node');
    expect(of('api-server')?.what).toMatch(/as system:serviceaccount:stillpoint:agent$/);
    for (const check of ['rights', 'kubelet', 'kubelet-certificate', 'runtime', 'cgroups']) {
      expect(of(check)).toMatchObject({ state: 'ok' });
    }
    expect(of('criu')).toMatchObject({ state: 'warn', code: 'not-proven' });
    expect(of('agent')).toMatchObject({ state: 'warn', code: 'agent-absent' });
    // It looked, and changed nothing.
    expect(node.sim.happenings.all('checkpoint-received')).toEqual([]);
    expect(readdirSync(node.config.checkpointsDir)).toEqual([]);
  });

  it('takes what the agent captured for the proof that CRIU works', async () => {
    const { node, running } = await startWithAgent();
    node.sim.scenario.setMemory(CART, 240 * MIB);
    await running.archived();
    const { of } = await look(node);
    expect(of('agent')?.state).not.toBe('fail');
    expect(of('criu')).toMatchObject({ state: 'ok', what: expect.stringContaining('proven by') });
    expect(of('verdict')).toMatchObject({ state: 'ok' });
  });

  it.each<[string, (node: TestNode) => object | undefined, string, object]>([
    [
      'the feature gate is off',
      (node) => {
        node.sim.kubelet.checkpointEnabled = false;
        return undefined;
      },
      'kubelet',
      { state: 'fail', code: 'gate-off' },
    ],
    [
      'the right to checkpoint is missing',
      ({ sim }) => {
        sim.identities.remove(sim.info.token);
        sim.identities.add({
          user: 'agent',
          token: sim.info.token,
          may: (asked) => asked.subresource !== 'checkpoint' && agentMay(asked),
        });
        return undefined;
      },
      'kubelet',
      {
        code: 'forbidden',
        next: expect.stringContaining('resources: ["nodes/checkpoint"], verbs: ["create"]'),
      },
    ],
    [
      'the token is not accepted',
      ({ sim }) => {
        sim.identities.remove(sim.info.token);
        return undefined;
      },
      'api-server',
      { state: 'fail', code: 'unauthorized' },
    ],
    [
      'the wrong CA is named',
      ({ config, sim }) => ({
        kubelet: { ...config.kubelet, tls: { ca: join(sim.info.caPath, '..', 'other.crt') } },
      }),
      'kubelet-certificate',
      { state: 'fail', code: 'bad-config', what: expect.stringContaining('other.crt') },
    ],
    [
      'the socket is missing',
      ({ config }) => ({ runtime: { ...config.runtime, socket: '/nowhere/containerd.sock' } }),
      'runtime',
      { state: 'fail', code: 'socket-missing' },
    ],
    [
      'the checkpoints directory is missing',
      ({ config }) => {
        rmSync(config.checkpointsDir, { recursive: true });
        return undefined;
      },
      'checkpoints-directory',
      { state: 'fail', code: 'missing', next: expect.stringContaining('mkdir') },
    ],
    [
      'the node has another name',
      () => ({ node: 'another' }),
      'node',
      { state: 'fail', code: 'node-unknown' },
    ],
    [
      'a rule is wrong',
      (node) => {
        node.rules('bad', rule('bad', 'when: { memry: {} }, target: {}'));
        return undefined;
      },
      'rules',
      { state: 'fail', code: 'bad-rules', what: expect.stringContaining('bad.yaml:4:') },
    ],
    [
      'NATS is not there',
      () => ({ nats: { servers: ['nats://127.0.0.1:1'] } }),
      'nats',
      { state: 'fail', code: 'unreachable' },
    ],
  ])('names the cause when %s', async (_, breakIt, check, expected) => {
    const node = await startNode();
    node.rules('leak', rule('leak', 'when: { memory: { above: 85% } }, target: {}'));
    const more = breakIt(node);
    const { code, report, of } = await look(node, more);
    expect(of(check)).toMatchObject(expected);
    expect(code).toBe(report.lines.some(({ state }) => state === 'fail') ? 1 : 0);
    const bad = report.lines.filter(({ state }) => state === 'fail' || state === 'warn');
    expect(bad.filter(({ next }) => !next)).toEqual([]);
  });

  it('shows a table with the next step below each bad line, colours only when wanted', async () => {
    const node = await startNode();
    const file = configFile(node, { nats: { servers: ['nats://127.0.0.1:1'] } });
    const plain = await run('doctor', '--config', file);
    expect(plain.out).toMatch(/^nats +fail +NATS, connecting.*\n +→ Check that a server answers/m);
    expect(plain.out).not.toMatch(CONTROL);
    expect(plain.out).toMatch(/\d fail, \d+ warn, \d+ ok/);
    const coloured: Ran = await runWith({ color: true }, 'doctor', '--config', file);
    expect(coloured.out).toContain('\u001b[31mfail\u001b[39m');
  });

  it.each([
    [['--node', 'a', '--all-nodes'], /only one of them/],
    [['--canary', '--canary-pod', 'a/stillpoint-canary-1/c'], /only one of them/],
    [['--node', 'a', '--canary-pod', 'a/stillpoint-canary-1/c'], /for the node itself/],
  ])('refuses %j', async (argv, words) => {
    const { code, err } = await run('doctor', ...argv);
    expect(code).toBe(2);
    expect(err).toMatch(words);
  });

  it('captures as a canary only what is named like one', async () => {
    const node = await startNode();
    const argv = ['--canary-pod', 'shop/cart/app'];
    const { code, err } = await run('doctor', '--config', configFile(node), ...argv);
    expect(code).toBe(2);
    expect(err).toContain('stillpoint-canary-');
  });
});

describe('stillpoint doctor --canary-pod', () => {
  it('captures through each backend, proves, and leaves nothing behind', async () => {
    const { node, running } = await startWithAgent();
    const containers = [{ name: 'canary', memoryBytes: MIB }];
    node.sim.scenario.addPod({ namespace: 'stillpoint', name: CANARY, containers });
    const target = `stillpoint/${CANARY}/canary`;
    const { report, of, code } = await look(node, {}, '--canary-pod', target);
    expect(report.lines.filter(({ state }) => state === 'fail')).toEqual([]);
    expect(code).toBe(0);
    for (const check of ['canary-cri', 'canary-kubelet']) {
      expect(of(check)).toMatchObject({ state: 'ok', code: 'captured' });
    }
    expect(of('criu')).toMatchObject({ state: 'ok' });
    const left = readdirSync(node.config.checkpointsDir);
    expect(left).toEqual(['.stillpoint']);
    expect(readdirSync(join(node.config.checkpointsDir, '.stillpoint/records'))).toEqual([]);
    // Nobody's container stood still: it costs nothing of what others may need within the hour.
    expect(await running.agent.status()).toMatchObject({
      archives: { ours: 0 },
      captures: { usedThisHour: 0 },
    });
  });

  it('can have no other archive removed: not one of a workload, not one on a path', async () => {
    const { node, running } = await startWithAgent();
    node.sim.scenario.setMemory(CART, 240 * MIB);
    const { archive } = await running.archived();
    const client = createAgentClient(node.config.socket);
    const remove = (name: string) =>
      client.json('POST', '/v1/canary-archives/remove', { archive: name });
    await expect(remove(archive)).rejects.toMatchObject({ code: 'refused' });
    const foreign = `checkpoint-${CANARY}_stillpoint-canary-2026-01-01T00:00:00Z.tar`;
    writeFileSync(join(node.config.checkpointsDir, foreign), 'not ours');
    await expect(remove(foreign)).rejects.toMatchObject({ code: 'refused' });
    await expect(remove('../rules/leak.yaml')).rejects.toMatchObject({ code: 'not-found' });
    expect(readdirSync(node.config.checkpointsDir).sort()).toEqual(
      ['.stillpoint', archive, foreign].sort(),
    );
  });

  it('fails with the cause that only a capture shows', async () => {
    const { node } = await startWithAgent();
    const containers = [{ name: 'canary', memoryBytes: MIB }];
    node.sim.scenario.addPod({ namespace: 'stillpoint', name: CANARY, containers });
    node.sim.faults.set({ kind: 'fail', text: 'vdso: Unexpected rt vDSO area bounds' });
    const { of, code } = await look(node, {}, '--canary-pod', `stillpoint/${CANARY}/canary`);
    expect(code).toBe(1);
    expect(of('canary-cri')).toMatchObject({ state: 'fail', code: 'criu-too-old' });
    expect(of('verdict')).toMatchObject({ code: 'cannot-capture' });
  });
});
