import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeCluster } from './fake-kubectl.ts';

let cluster: FakeCluster;

beforeEach(() => {
  cluster = new FakeCluster();
  cluster.agents({ node: 'node1', pod: 'agent-a' }, { node: 'node2', pod: 'agent-b' });
  cluster.answers('agent-a', { out: 'one\n' });
  cluster.answers('agent-b', { out: 'two\n' });
});
afterEach(() => cluster.remove());

describe('a command for every node', () => {
  it('runs in each agent, each answer under the name of its node', async () => {
    const ran = await cluster.plugin('status');
    expect(ran).toEqual({ code: 0, out: '== node1\none\n== node2\ntwo\n', err: '' });
    expect(cluster.execs()).toEqual([
      { pod: 'agent-a', words: ['stillpoint', 'status'], before: ['KUBECONFIG='] },
      { pod: 'agent-b', words: ['stillpoint', 'status'], before: ['KUBECONFIG='] },
    ]);
  });

  it('asks for the agents of the namespace where Stillpoint is installed', async () => {
    await cluster.plugin('status');
    await cluster.plugin('status', '-n', 'ops');
    const [first, second] = cluster.calls().filter((call) => call.includes('pods'));
    expect(first).toEqual(
      expect.arrayContaining([
        'stillpoint',
        'app.kubernetes.io/name=stillpoint,app.kubernetes.io/component=agent',
      ]),
    );
    expect(second?.slice(1, 5)).toEqual(['get', 'pods', '-n', 'ops']);
  });

  it('ends with the highest exit code, and has asked the others all the same', async () => {
    cluster.answers('agent-a', { err: 'refused\n', code: 4 });
    const ran = await cluster.plugin('pause');
    expect(ran.code).toBe(4);
    expect(ran.out).toBe('== node1\n== node2\ntwo\n');
    expect(ran.err).toBe('refused\n');
  });

  it('says of a node why no agent runs there, and ends with 3', async () => {
    cluster.agents(
      { node: 'node1', pod: 'agent-a', phase: 'Pending' },
      { node: 'node2', pod: 'agent-old', deleting: true },
      { node: 'node2', pod: 'agent-b' },
      { node: 'node3', pod: 'agent-c', deleting: true },
    );
    const ran = await cluster.plugin('status');
    expect(ran.code).toBe(3);
    expect(ran.out).toBe('== node1\n== node2\ntwo\n== node3\n');
    expect(ran.err).toBe(
      'kubectl-stillpoint: node node1: no agent runs here (pod agent-a is Pending)\n' +
        'kubectl-stillpoint: node node3: no agent runs here (pod agent-c is being deleted)\n',
    );
  });

  it('does not exec into a pod whose container crashes again and again, and says so', async () => {
    cluster.agents(
      { node: 'node1', pod: 'agent-a', waiting: 'CrashLoopBackOff' },
      { node: 'node2', pod: 'agent-b', phase: 'Pending', waiting: 'ErrImagePull' },
    );
    const ran = await cluster.plugin('status');
    expect(ran).toEqual({
      code: 3,
      out: '== node1\n== node2\n',
      err:
        'kubectl-stillpoint: node node1: no agent runs here (pod agent-a is Running, its container CrashLoopBackOff)\n' +
        'kubectl-stillpoint: node node2: no agent runs here (pod agent-b is Pending, its container ErrImagePull)\n',
    });
  });

  it('ends with 3 where the agent is killed under the command', async () => {
    cluster.answers('agent-a', { err: 'command terminated with exit code 137\n', code: 137 });
    const ran = await cluster.plugin('capture', 'shop/cart', '--node', 'node1');
    expect(ran.code).toBe(3);
    expect(ran.err).toContain('kubectl-stillpoint: node node1: the agent ended before');
  });

  it('takes the --all-nodes of doctor for what it does anyway', async () => {
    const ran = await cluster.plugin('doctor', '--all-nodes');
    expect(ran.out).toBe('== node1\none\n== node2\ntwo\n');
    expect(cluster.execs().map(({ words }) => words)).toEqual([
      ['stillpoint', 'doctor'],
      ['stillpoint', 'doctor'],
    ]);
    const both = await cluster.plugin('doctor', '--all-nodes', '--node', 'node1');
    expect(both.code).toBe(2);
    expect((await cluster.plugin('status', '--all-nodes')).code).toBe(2);
  });

  it('gives JSON that says which node it is of, whether there was an answer or not', async () => {
    cluster.answers('agent-a', { out: '{\n  "a": 1\n}\n' });
    cluster.answers('agent-b', { err: '{"error":{}}\n', code: 3 });
    const ran = await cluster.plugin('status', '--output', 'json');
    const [first, second] = ran.out
      .split('\n{"node"')
      .map((text, at) => (at ? `{"node"${text}` : text));
    expect(JSON.parse(first ?? '')).toEqual({ node: 'node1', exitCode: 0, output: { a: 1 } });
    expect(JSON.parse(second ?? '')).toEqual({ node: 'node2', exitCode: 3, output: null });
    expect(ran.code).toBe(3);
  });

  it('gives YAML as one document a node', async () => {
    cluster.answers('agent-a', { out: 'a: 1\n' });
    const ran = await cluster.plugin('status', '-oyaml');
    expect(ran.out).toBe('---\n# node: node1\na: 1\n---\n# node: node2\ntwo\n');
  });
});

describe('archives list', () => {
  it('is one table, whatever the widths on each node, with the node before each line', async () => {
    cluster.answers('agent-a', {
      out:
        'ARCHIVE            POD    RULE      SIZE  STANDING\n' +
        'checkpoint-aa.tar  sh/a   oom   64.2 MiB  complete\n' +
        'checkpoint-b.tar                     9 B  foreign\n',
    });
    cluster.answers('agent-b', {
      out:
        'ARCHIVE  POD        RULE      SIZE  STANDING\n' +
        'c.tar    shop/cart  nightly  1 GiB  complete\n',
    });
    const { out } = await cluster.plugin('archives', 'list');
    expect(out.split('\n')).toEqual([
      'NODE   ARCHIVE            POD        RULE         SIZE  STANDING',
      'node1  checkpoint-aa.tar  sh/a       oom      64.2 MiB  complete',
      'node1  checkpoint-b.tar                            9 B  foreign',
      'node2  c.tar              shop/cart  nightly     1 GiB  complete',
      '',
    ]);
  });

  it('says which node has none', async () => {
    cluster.answers('agent-a', { out: 'no archives\n' });
    cluster.answers('agent-b', { out: 'ARCHIVE  POD\nc.tar    shop/cart\n' });
    const { out } = await cluster.plugin('archives', 'list');
    expect(out.split('\n')).toEqual([
      'NODE   ARCHIVE  POD',
      'node1  no archives',
      'node2  c.tar    shop/cart',
      '',
    ]);
  });

  it('is the one line of each node when none has any', async () => {
    cluster.answers('agent-a', { out: 'no archives\n' });
    cluster.answers('agent-b', { err: 'gone\n', code: 1 });
    expect(await cluster.plugin('archives', 'list')).toEqual({
      code: 1,
      out: 'node1  no archives\n',
      err: 'gone\n',
    });
  });
});

describe('a command for one node', () => {
  it('leaves what it prints, and its exit code, as they are', async () => {
    cluster.answers('agent-b', { out: 'checks\n', err: 'why\n', code: 1 });
    const ran = await cluster.plugin('doctor', '--node', 'node2');
    expect(ran).toEqual({ code: 1, out: 'checks\n', err: 'why\n' });
    expect(cluster.execs().map(({ words }) => words)).toEqual([['stillpoint', 'doctor']]);
  });

  it('says that a node has no agent', async () => {
    const ran = await cluster.plugin('--node=node9', 'status');
    expect(ran.code).toBe(3);
    expect(ran.err).toContain('node node9: no agent runs here (Stillpoint has no pod on it)');
  });

  it('captures on the node of the pod', async () => {
    cluster.write('node-of-cart-1', 'node2');
    const ran = await cluster.plugin('capture', '--via', 'cri', 'shop/cart-1/app', '-o', 'json');
    expect(ran).toEqual({ code: 0, out: 'two\n', err: '' });
    expect(cluster.execs()).toMatchObject([
      {
        pod: 'agent-b',
        words: ['stillpoint', 'capture', '--via', 'cri', 'shop/cart-1/app', '-o', 'json'],
      },
    ]);
  });

  it('keeps words with spaces and quotes one word each', async () => {
    await cluster.plugin('rules', 'check', `a b'c"$d*`, '--node', 'node1');
    expect(cluster.execs()[0]?.words).toEqual(['stillpoint', 'rules', 'check', `a b'c"$d*`]);
  });

  it('gives the help of a command from one agent', async () => {
    const ran = await cluster.plugin('capture', '--help');
    expect(ran).toMatchObject({ code: 0, out: 'one\n' });
    expect(cluster.execs()).toHaveLength(1);
  });
});

describe('an archive by its name', () => {
  const name = 'checkpoint-cart_shop-app-2026-01-01T00:00:00Z.tar';
  const listed = { out: `[{ "name": "${name}" }]\n` };

  beforeEach(() => {
    for (const pod of ['agent-a', 'agent-b'])
      cluster.answers(pod, { out: '[]\n' }, 'archives-list');
  });

  it('is looked for on every node, and shown by the one that has it', async () => {
    cluster.answers('agent-b', listed, 'archives-list');
    const ran = await cluster.plugin('archives', 'show', name);
    expect(ran).toEqual({ code: 0, out: 'two\n', err: '' });
    expect(cluster.execs().at(-1)).toMatchObject({
      pod: 'agent-b',
      words: ['stillpoint', 'archives', 'show', name],
    });
  });

  it('is wrong use when no node has it', async () => {
    const ran = await cluster.plugin('archives', 'verify', name);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(`no node has an archive ${name}`);
  });

  it('is asked for by node when two have it', async () => {
    cluster.answers('agent-a', listed, 'archives-list');
    cluster.answers('agent-b', listed, 'archives-list');
    const ran = await cluster.plugin('archives', 'show', name);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain('name one of them with --node:\nnode1\nnode2');
  });
});

describe('the options of kubectl', () => {
  it.each([
    [
      'before the command',
      ['--context', 'c 1', '--kubeconfig', '/k f', '--node', 'node1', 'status'],
    ],
    ['after it', ['status', '--context=c 1', '--kubeconfig=/k f', '--node=node1']],
  ])('go to kubectl %s', async (_where, args) => {
    await cluster.plugin(...args);
    for (const call of cluster.calls()) {
      expect(call.slice(0, 2)).toEqual(['KUBECONFIG=/k f', '--context=c 1']);
    }
    expect(cluster.execs()).toMatchObject([{ words: ['stillpoint', 'status'] }]);
  });
});

describe('wrong use', () => {
  it.each([
    ['no command', [], /Usage: kubectl stillpoint/],
    ['an option that is none', ['--all', 'status'], /--all comes before the command/],
    ['an option without its value', ['status', '--node'], /--node wants a value/],
    ['a capture of nothing', ['capture', '--via', 'cri'], /capture NAMESPACE\/POD/],
    ['what no agent does', ['agent'], /agent is nothing to ask an agent for/],
    ['a canary for something else', ['status', '--canary'], /--canary belongs to doctor/],
  ])('is told: %s', async (_what, args, message) => {
    const ran = await cluster.plugin(...args);
    expect(ran.code).toBe(2);
    expect(ran.err).toMatch(message);
    expect(cluster.execs()).toEqual([]);
  });

  it('is not asking for help', async () => {
    const ran = await cluster.plugin('--help');
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('Usage: kubectl stillpoint');
  });
});

describe('what is not there', () => {
  it('is no agent in the namespace: exit code 3, and what -n means', async () => {
    cluster.agents();
    const ran = await cluster.plugin('status', '-n', 'shop');
    expect(ran.code).toBe(3);
    expect(ran.err).toMatch(/namespace shop has no agent.*-n names the namespace where it is inst/);
  });

  it('is the API server: kubectl tells why, exit code 3', async () => {
    cluster.write('get-fails', 'The connection to the server was refused\n');
    const ran = await cluster.plugin('status');
    expect(ran).toEqual({ code: 3, out: '', err: 'The connection to the server was refused\n' });
  });

  it('is the pod to capture: kubectl tells so, exit code 1', async () => {
    const ran = await cluster.plugin('capture', 'shop/gone');
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('pods "gone" not found');
  });

  it('is the node of a pod that waits: refused', async () => {
    cluster.write('node-of-cart', '');
    const ran = await cluster.plugin('capture', 'shop/cart');
    expect(ran.code).toBe(4);
    expect(ran.err).toContain('shop/cart has no node yet');
  });
});
