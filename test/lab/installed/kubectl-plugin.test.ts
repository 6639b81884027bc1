import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repositoryRoot } from '../../structure/source-tree.ts';
import { deletePod, inLab, kubectl, labInfo, startWorkPod } from '../lib/index.ts';
import { forgetAgents, install, installedIn, optedIn, recordsOf } from '../rig/index.ts';

const lab = labInfo();
const [, second] = lab.nodes;
if (second === undefined) throw new Error('this lab has one node; these tests need two');
const pod = 'plugin-target';
const target = `default/${pod}/work`;

/** The plugin as users have it: kubectl finds it by its name in the PATH. */
async function plugin(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = {
    KUBECONFIG: lab.kubeconfig,
    PATH: `${path.join(repositoryRoot, 'bin')}:${lab.binDir}:${process.env.PATH}`,
  };
  const args = ['stillpoint', ...words];
  const { code, stdout, stderr } = await inLab('kubectl', args, { env, allowFailure: true });
  return { code, out: stdout, err: stderr };
}

beforeAll(async () => {
  await forgetAgents();
  await install();
  await startWorkPod({ name: pod, node: second.name, labels: optedIn, command: ['counter'] });
});
afterAll(() => deletePod(pod));

describe('kubectl stillpoint, on a cluster of two nodes', () => {
  it('asks every agent, and tells their answers apart', async () => {
    const { code, out } = await plugin('version');
    expect(code).toBe(0);
    const answers = lab.nodes.map(({ name }) => `== ${name}\nstillpoint \\S+, node v\\d\\S+\n`);
    expect(out).toMatch(new RegExp(`^${answers.join('')}$`));
  });

  it('refuses with the exit code of the refusal: a default install only observes', async () => {
    const { code, out } = await plugin('capture', target);
    expect(code).toBe(4);
    expect(out).toMatch(/^refused observed: /);
    expect(recordsOf(second, pod)).toEqual([]);
  });

  it('captures on the node of the pod, and lists, proves and fetches the archive', async () => {
    const captured = await plugin('capture', target, '--even-in-observe');
    expect(captured).toMatchObject({ code: 0, out: expect.stringMatching(/^captured /) });
    const [record] = recordsOf(second, pod);
    const name = record?.archive ?? '';

    const listed = await plugin('archives', 'list');
    expect(listed.out).toMatch(/^NODE +ARCHIVE +POD /);
    expect(listed.out).toMatch(new RegExp(`^${second.name} +${name} +default/${pod} `, 'm'));
    expect(await plugin('archives', 'verify', name)).toMatchObject({ code: 0 });

    const directory = mkdtempSync(path.join(tmpdir(), 'stillpoint-fetch-'));
    try {
      const fetched = await plugin('fetch', name, directory);
      expect(fetched).toMatchObject({ code: 0, err: '' });
      const bytes = readFileSync(path.join(directory, name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(record?.sha256);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('proves a node with a canary of its own, of which nothing is left', async () => {
    const { code, out } = await plugin('doctor', '--canary', '--node', second.name);
    expect(out).toMatch(/^canary-cri +ok +captured/m);
    expect(code).toBe(0);
    const pods = await kubectl(['get', 'pods', '-n', installedIn, '-o', 'name']);
    expect(pods).not.toContain('canary');
    expect((await plugin('archives', 'list', '--node', second.name)).out).not.toContain('canary');
  });
});
