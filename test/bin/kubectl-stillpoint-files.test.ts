import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { canaryPod } from '../../src/doctor/canary/canary-pod.ts';
import { FakeCluster } from './fake-kubectl.ts';

let cluster: FakeCluster;

beforeEach(() => {
  cluster = new FakeCluster();
  cluster.agents({ node: 'node1', pod: 'agent-a' }, { node: 'node2', pod: 'agent-b' });
  cluster.answers('agent-a', { out: 'one\n' });
  cluster.answers('agent-b', { out: 'two\n' });
});
afterEach(() => cluster.remove());

describe('fetch', () => {
  const name = 'checkpoint-cart_shop-app-2026-01-01T00:00:00Z.tar';
  // More than a pipe takes at once, and all that a text would spoil.
  const content = randomBytes(300_000);

  beforeEach(() => {
    cluster.answers('agent-a', { out: '[]\n' }, 'archives-list');
    cluster.answers('agent-b', { out: `[{ "name": "${name}" }]\n` }, 'archives-list');
    mkdirSync(cluster.at('checkpoints'));
    writeFileSync(cluster.at(`checkpoints/${name}`), content);
    mkdirSync(cluster.at('here'));
  });

  it('brings the archive whole from the node that has it, for nobody else to read', async () => {
    const ran = await cluster.plugin('fetch', name, 'here');
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(ran).toEqual({ code: 0, err: '', out: `here/${name} from node2\nsha256 ${sha256}\n` });
    expect(readFileSync(cluster.at(`here/${name}`)).equals(content)).toBe(true);
    expect(statSync(cluster.at(`here/${name}`)).mode & 0o777).toBe(0o600);
    expect(readdirSync(cluster.at('here'))).toEqual([name]);
    expect(cluster.execs().at(-1)?.pod).toBe('agent-b');
  });

  it('leaves nothing behind when it did not come whole', async () => {
    cluster.write('cut', '');
    symlinkSync('/etc/passwd', cluster.at('checkpoints/checkpoint-link.tar'));
    const ran = await cluster.plugin('fetch', 'checkpoint-link.tar', 'here', '--node', 'node2');
    expect(ran.code).toBe(5);
    expect(ran.err).toContain('did not come whole: SHA-256 not told on node2');
    expect(readdirSync(cluster.at('here'))).toEqual([]);
  });

  it('follows no link, and says what the node said', async () => {
    symlinkSync('/etc/passwd', cluster.at('checkpoints/checkpoint-link.tar'));
    const ran = await cluster.plugin('fetch', 'checkpoint-link.tar', 'here', '--node', 'node2');
    expect(ran.code).not.toBe(0);
    expect(ran.err).toContain('ELOOP');
    expect(readdirSync(cluster.at('here'))).toEqual([]);
  });

  it.each([
    ['a path', ['../checkpoint-a.tar'], /named without a directory/],
    ['another file', ['state.db'], /is no name of an archive/],
    ['nothing', [], /fetch ARCHIVE \[DIRECTORY\]/],
  ])('refuses %s', async (_what, args, message) => {
    const ran = await cluster.plugin('fetch', ...args, '--node', 'node2');
    expect(ran).toMatchObject({ code: 2, err: expect.stringMatching(message) });
    expect(cluster.calls()).toEqual([]);
  });

  it('overwrites nothing', async () => {
    cluster.write(`here/${name}`, 'mine');
    const ran = await cluster.plugin('fetch', name, 'here');
    expect(ran).toMatchObject({ code: 2, err: expect.stringMatching(/is there already/) });
    expect(cluster.read(`here/${name}`)).toBe('mine');
  });
});

describe('doctor --canary', () => {
  it('makes the pod that doctor itself would make, names it to the agent, and removes it', async () => {
    cluster.answers('agent-b', { out: 'canary ok\n' });
    const ran = await cluster.plugin('doctor', '--canary', '--node', 'node2');
    expect(ran).toEqual({ code: 0, out: 'canary ok\n', err: '' });
    const created = parse(cluster.read('created')) as { metadata: { name: string } };
    const { name } = created.metadata;
    const image = 'stillpoint.dev/stillpoint:0.1.0';
    const options = { node: 'node2', namespace: 'stillpoint', image, isOurs: true };
    expect(created).toEqual(canaryPod(name, options));
    expect(name).toMatch(/^stillpoint-canary-[0-9-]+$/);
    expect(cluster.execs().map(({ words }) => words)).toEqual([
      ['stillpoint', 'doctor', '--canary-pod', `stillpoint/${name}/canary`],
    ]);
    expect(cluster.read('deleted')).toContain(name);
  });

  it('makes another one on each node, also where the answers are caught', async () => {
    await cluster.plugin('doctor', '--canary', '--output', 'json');
    const deleted = cluster.read('deleted').match(/stillpoint-canary-\S+/g) ?? [];
    expect(new Set(deleted).size).toBe(2);
  });

  it('keeps the exit code of doctor', async () => {
    cluster.answers('agent-a', { code: 1 });
    expect((await cluster.plugin('doctor', '--canary')).code).toBe(1);
  });

  it('removes a pod that does not run, and says what it waits for', async () => {
    cluster.write('wait', '1');
    const ran = await cluster.plugin('doctor', '--canary', '--node', 'node2');
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('the canary pod on node2 did not run: {"waiting":{"reason":"ErrImag');
    expect(cluster.execs()).toEqual([]);
    expect(cluster.read('deleted')).toMatch(/stillpoint-canary-/);
  });

  it('makes no pod where no agent runs', async () => {
    const ran = await cluster.plugin('doctor', '--canary', '--node', 'node9');
    expect(ran.code).toBe(3);
    expect(existsSync(cluster.at('created'))).toBe(false);
  });
});
