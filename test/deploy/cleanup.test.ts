import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { manifestsOf, one } from './manifests.ts';

const manifests = manifestsOf('deploy/cleanup/cleanup.yaml');

interface Cleanup {
  spec: { template: { spec: { initContainers: [{ command: string[] }] } } };
}

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sp-cleanup-'));
  for (const path of ['var/lib/stillpoint/state', 'run/stillpoint', 'var/lib/kubelet']) {
    mkdirSync(join(root, path), { recursive: true });
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The script of the manifest, with the host's directories below another root. */
async function clean(): Promise<{ code: unknown; err: string }> {
  const set = one(manifests, 'DaemonSet') as ReturnType<typeof one> & Cleanup;
  const [program, flag = '', script = ''] = set.spec.template.spec.initContainers[0].command;
  expect(program).toBe('node');
  const there = script.replace(/'(?=\/(?:var|run)\/)/g, `'${root}`);
  const child = spawn(process.execPath, [flag, there], { stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.on('data', (part) => {
    err += part;
  });
  const [code] = await once(child, 'close');
  return { code, err };
}

describe('the cleanup', () => {
  it('stands alone, so that it can run after an uninstall', () => {
    expect(manifests.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['Namespace', 'stillpoint-cleanup'],
      ['DaemonSet', 'stillpoint-cleanup'],
    ]);
  });

  it('takes the state away, and nothing else', async () => {
    expect(await clean()).toEqual({ code: 0, err: '' });
    expect(existsSync(join(root, 'var/lib/stillpoint'))).toBe(false);
    expect(existsSync(join(root, 'run/stillpoint'))).toBe(false);
    expect(existsSync(join(root, 'var/lib/kubelet'))).toBe(true);
    expect(await clean()).toEqual({ code: 0, err: '' });
  });

  it('takes nothing from an agent that still runs', async () => {
    const agent = createServer().listen(join(root, 'run/stillpoint/agent.sock'));
    await once(agent, 'listening');
    const { code, err } = await clean();
    agent.close();
    expect(code).toBe(1);
    expect(err).toContain('an agent still runs on this node');
    expect(existsSync(join(root, 'var/lib/stillpoint/state'))).toBe(true);
  });
});
