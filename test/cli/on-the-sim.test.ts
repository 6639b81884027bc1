import { describe, expect, it } from '@jest/globals';
import type { AgentStatus } from '../../src/agent/index.ts';
import { describeStatus } from '../../src/cli/commands/status.ts';
import type { CheckpointFault } from '../../src/sim/index.ts';
import {
  CART,
  cart,
  MIB,
  type RunningAgent,
  rule,
  type TestNode,
  useNodes,
} from '../agent/support/node.ts';
import { CONTROL, capturedIo, rowsOf, run } from './rig.ts';

const startNode = useNodes();

async function startAgent(changes: Partial<TestNode['config']> = {}) {
  const node = await startNode();
  node.rules('leak', rule('leak', 'when: { memory: { above: 85% } }, target: {}'));
  node.sim.scenario.addPod(cart());
  const running = await node.start(changes);
  const ask = (...argv: string[]) => run(...argv, '--socket', node.config.socket);
  return { node, running, ask };
}

async function known(running: RunningAgent): Promise<void> {
  await running.first('signal', ({ signal }) => {
    return signal.kind === 'podChanged' && signal.pod.phase === 'Running';
  });
}

describe('stillpoint capture', () => {
  it('tells how it goes, then the archive, which list, show and verify know', async () => {
    const { node, ask } = await startAgent();
    const { code, out, err } = await ask('capture', 'shop/cart');
    expect(code).toBe(0);
    expect(err).toMatch(
      /^accepted as \S+: shop\/cart\/app\ncapturing …\ncheckpoint through containerd took .*stood still .*proving/,
    );
    expect(out).toMatch(
      /^captured checkpoint-cart_shop-app-\S+\.tar \(.* MiB\)\nsha256 [0-9a-f]{64}\n$/,
    );

    const name = out.split(' ')[1] ?? '';
    const { checkpointsDir: dir } = node.config;
    const listed = await run('archives', 'list', '--dir', dir);
    expect(rowsOf(listed.out)[1]?.slice(0, 3)).toEqual([name, 'shop/cart', 'app']);
    const shown = await run('archives', 'show', name, '--dir', dir);
    expect(shown.out).toMatch(/complete +yes\n/);
    expect(shown.out).toMatch(/causes\n.*cli, user/);
    expect((await run('archives', 'verify', '--dir', dir)).code).toBe(0);
  });

  it('gives machines the end alone', async () => {
    const { ask } = await startAgent();
    const argv = ['capture', 'shop/cart/app', '--via', 'kubelet', '--output', 'json'];
    const { code, out, err } = await ask(...argv);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({
      kind: 'done',
      record: { backend: 'kubelet', pod: 'cart', verified: 'complete' },
    });
  });

  it.each<[string, CheckpointFault, number, RegExp]>([
    [
      '1 when it failed',
      { kind: 'fail', text: 'criu said \u001b[2Jno' },
      1,
      /^failed unknown: .*\\x1b\[2Jno\nhint: /s,
    ],
    [
      '1 when the disk is full',
      { kind: 'diskFull' },
      1,
      /^failed disk-full: .*\nhint: free space/s,
    ],
    ['5 when the archive is broken', { kind: 'truncated', at: 0.5 }, 5, /^broken checkpoint-cart/],
  ])('ends with %s', async (_, fault, expected, text) => {
    const { node, ask } = await startAgent();
    node.sim.faults.set(fault);
    const { code, out } = await ask('capture', 'shop/cart');
    expect(code).toBe(expected);
    expect(out).toMatch(text);
    expect(out).not.toMatch(CONTROL);
    expect((await run('archives', 'list', '--dir', node.config.checkpointsDir)).out).toBe(
      'no archives\n',
    );
  });

  it.each<[string, string[], RegExp]>([
    ['that nobody knows', ['capture', 'shop/none'], /^refused target-unknown: /],
    ['on the deny list', ['capture', 'kube-system/cart'], /^refused denied: /],
    ['of many, without its name', ['capture', 'shop/two'], /^refused target-ambiguous: /],
  ])('ends with 4 for a container %s', async (_, argv, text) => {
    const { node, running, ask } = await startAgent();
    node.sim.scenario.addPod({ ...cart(), namespace: 'kube-system' });
    const containers = ['a', 'b'].map((name) => ({ name, memoryBytes: MIB }));
    node.sim.scenario.addPod({ ...cart({ name: 'two' }), containers });
    await running.first('signal', ({ signal }) => {
      return (
        signal.kind === 'podChanged' && signal.pod.name === 'two' && signal.pod.phase === 'Running'
      );
    });
    const { code, out } = await ask(...argv);
    expect(code).toBe(4);
    expect(out).toMatch(text);
    expect(node.sim.happenings.all('checkpoint-received')).toEqual([]);
  });

  it('ends with 3 when the agent stops first, and says what becomes of it', async () => {
    const { node, running, ask } = await startAgent();
    await known(running);
    node.sim.scenario.addPod(cart({ name: 'second' }));
    await running.first('signal', ({ signal }) => {
      return signal.kind === 'podChanged' && signal.pod.name === 'second';
    });
    node.sim.faults.set({ kind: 'slow', factor: 10 }, { times: 1 });
    const first = ask('capture', 'shop/cart');
    await node.sim.happenings.first('frozen');
    const second = ask('capture', 'shop/second');
    await running.first('accepted', ({ trigger }) => trigger.target.pod === 'second');
    await running.agent.stop();
    expect(await second).toMatchObject({
      code: 3,
      out: expect.stringMatching(/^stopped the agent stopped before the end of \S+: it is kept in/),
    });
    const { code, out } = await first;
    // Its checkpoint had the time to end; whether it was proved, too, is a matter of milliseconds.
    expect(code === 0 ? out : `${code} ${out}`).toMatch(
      /^captured |^3 stopped .*the archive is there: the next start proves/,
    );
    const next = await node.start();
    await next.archived('second');
  });

  it('says that it joined a capture that is made in another way', async () => {
    const { node, running, ask } = await startAgent();
    await known(running);
    node.sim.faults.set({ kind: 'slow', factor: 10 }, { times: 1 });
    const first = ask('capture', 'shop/cart', '--via', 'cri');
    await node.sim.happenings.first('frozen');
    const { code, out, err } = await ask('capture', 'shop/cart', '--via', 'kubelet');
    expect(code).toBe(0);
    expect(out).toMatch(/^captured /);
    expect(err).toContain(
      'joined a capture that rule request wanted already, through cri; --via kubelet had no effect',
    );
    expect((await first).err).not.toContain('joined');
  });

  it.each(['cart', 'a/b/c/d', '/cart', 'shop/', 'shop/cart/', ''])(
    'ends with 2 for a target written as "%s"',
    async (target) => {
      const { code, err } = await run('capture', target, '--socket', '/nowhere');
      expect(code).toBe(2);
      expect(err).toContain('NAMESPACE/POD');
    },
  );
});

describe('stillpoint status, pause and resume', () => {
  it('show the node, its parts, its rules and what was done', async () => {
    const { node, running, ask } = await startAgent();
    await known(running);
    node.sim.scenario.setMemory(CART, 240 * MIB);
    await running.archived();
    const { code, out } = await ask('status');
    expect(code).toBe(0);
    expect(out).toMatch(/^node +sim-node$/m);
    expect(out).toMatch(/^captures +1 of 6 this hour, 0 waiting$/m);
    expect(out).toMatch(/^archives +1 \(.*MiB\)$/m);
    expect(out).toMatch(/^pods +live$/m);
    expect(out).toMatch(/^backend cri +available +containerd v2/m);
    expect(out).toMatch(/^leak +memory +enforce\b/m);
    expect(out).toMatch(/shop\/cart\/app +leak +recorded$/m);
    const json = await ask('status', '-o', 'json');
    expect(JSON.parse(json.out)).toMatchObject({ node: 'sim-node', captures: { usedThisHour: 1 } });
    expect((await ask('status', '-o', 'yaml')).out).toContain('node: sim-node');
  });

  it('show why rules are not in force', async () => {
    const { node, running, ask } = await startAgent();
    node.rules('leak', rule('leak', 'when: { memry: { above: 85% } }, target: {}'));
    await running.first('rules-refused');
    const { out } = await ask('status');
    expect(out).toMatch(/^rules refused +yes, the last good ones are in force$/m);
    expect(out).toContain('leak.yaml:4:');
    expect(out).toMatch(/^leak +memory +enforce\b/m);
    const status = JSON.parse((await ask('status', '-o', 'json')).out) as AgentStatus;
    const none = { ...status, rules: { ...status.rules, loaded: [], policies: [] } };
    const shown = describeStatus(capturedIo().io, none);
    expect(shown).toMatch(/^rules refused +yes, and none were good since the start$/m);
    const warned = describeStatus(capturedIo().io, {
      ...status,
      warnings: ['agent.yaml:3:7: mode: is\n   3 | mode: x\u001b'],
    });
    expect(warned).toContain('warning agent.yaml:3:7: mode: is\n   3 | mode: x\\x1b\n');
  });

  it('stop new captures, and let them begin again', async () => {
    const { running, ask } = await startAgent();
    await known(running);
    expect(await ask('pause')).toMatchObject({ code: 0, out: expect.stringMatching(/^paused/) });
    expect((await ask('status')).out).toMatch(/^paused +yes$/m);
    expect(await ask('capture', 'shop/cart')).toMatchObject({
      code: 4,
      out: expect.stringMatching(/^refused paused/),
    });
    expect(await ask('resume')).toMatchObject({ code: 0, out: 'resumed\n' });
    expect((await ask('capture', 'shop/cart')).code).toBe(0);
  });
});

describe('an agent that observes', () => {
  it('says what it would have captured, and captures only what a person insists on', async () => {
    const { node, running, ask } = await startAgent({ mode: 'observe' });
    await known(running);
    node.sim.scenario.setMemory(CART, 240 * MIB);
    await running.first('decision', ({ decision }) => decision.reason === 'observed');
    const { out } = await ask('status');
    expect(out).toMatch(/^mode +observe: nothing is captured/m);
    expect(out).toMatch(/^leak +memory +observe\b/m);
    expect(out).toMatch(/^- .* shop\/cart\/app +leak +observed$/m);
    expect(out).toMatch(/^archives +0 /m);
    expect(await ask('capture', 'shop/cart')).toMatchObject({
      code: 4,
      out: expect.stringMatching(/^refused observed: .*mode: observe .*--even-in-observe\)\n$/),
    });
    expect((await ask('capture', 'shop/cart', '--even-in-observe')).code).toBe(0);
  });
});

describe('stillpoint archives prune', () => {
  it('shows the plan, then carries it out', async () => {
    const policy =
      'apiVersion: stillpoint.dev/v1alpha1\nkind: RetentionPolicy\nmetadata: { name: one }\n' +
      'spec: { select: { classes: [manual] }, groupBy: [pod], keep: { last: 1 }, cron: "0 0 1 1 *" }\n';
    const { node, running, ask } = await startAgent();
    await known(running);
    const classOf = async () => {
      const { out } = await ask('capture', 'shop/cart', '-o', 'json');
      return (JSON.parse(out) as { record: { retainClass: string; archive: string } }).record;
    };
    const first = await classOf();
    const second = await classOf();
    expect((await ask('archives', 'prune', '--dry-run')).out).toContain('0 would be removed');
    // Its own sweep comes with the next capture or cron only.
    node.rules('policy', policy.replace('manual', first.retainClass));
    await running.first('rules-loaded', ({ policies }) => policies === 1);

    const plan = await ask('archives', 'prune', '--dry-run');
    expect(plan.code).toBe(0);
    expect(rowsOf(plan.out).slice(0, 3)).toEqual([
      ['ARCHIVE', 'RESULT', 'POLICY', 'WHY'],
      [first.archive, 'would-remove', 'one', expect.stringMatching(/nothing in its policy/)],
      [second.archive, 'kept', 'one', expect.any(String)],
    ]);
    expect(plan.out).toMatch(/1 would be removed \(dry run\)\n$/);
    const done = await ask('archives', 'prune', '-o', 'json');
    expect(JSON.parse(done.out)).toMatchObject({
      dryRun: false,
      items: [{ archive: first.archive, result: 'removed' }, { archive: second.archive }],
    });
    const listed = await run('archives', 'list', '--dir', node.config.checkpointsDir);
    expect(rowsOf(listed.out)).toHaveLength(2);
  });
});
