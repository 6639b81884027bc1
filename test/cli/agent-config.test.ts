import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadAgentConfig } from '../../src/agent/index.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { run } from './rig.ts';

const tempDir = useTempDirs();

describe('the flags of stillpoint agent', () => {
  it('may be relative paths, which are those of the shell', async () => {
    const flags = { rules: 'rules', checkpointsDir: 'dir', socket: 'a.sock', kubeconfig: '../k' };
    expect(await loadAgentConfig(flags, {})).toMatchObject({
      rulesDir: resolve('rules'),
      checkpointsDir: resolve('dir'),
      socket: resolve('a.sock'),
      kubernetes: { kubeconfig: resolve('../k') },
    });
  });

  it.each<[string, string[], RegExp]>([
    ['no node', ['--node', ''], /--node.*""/],
    ['a node that none can be', ['--node', 'Node_1'], /--node.*"Node_1"/],
    ['no rules', ['--rules', ''], /--rules.*empty/],
    ['no directory', ['--checkpoints-dir', ''], /--checkpoints-dir.*empty/],
    ['no socket', ['--socket', ''], /--socket.*empty/],
    ['no file', ['--config', ''], /--config.*empty/],
  ])('are refused when they name %s', async (_, argv, expected) => {
    const { code, err } = await run('agent', ...argv, '--kubeconfig', join(tempDir(), 'none'));
    expect(code).toBe(2);
    expect(err).toMatch(expected);
    expect(err).not.toContain('"starting"');
  });
});

describe('the name of the node', () => {
  it('is refused when the environment names none: it must not come to mean the host', async () => {
    await expect(loadAgentConfig({}, { NODE_NAME: '' })).rejects.toThrow(/\$NODE_NAME.*""/);
  });

  it('is by default the host name as the kubelet writes it', async () => {
    expect((await loadAgentConfig({}, {})).node).toBe(hostname().trim().toLowerCase());
  });
});

it('refuses to deny a namespace that cannot exist', async () => {
  const file = join(tempDir(), 'stillpoint.yaml');
  const head = 'apiVersion: stillpoint.dev/v1alpha1\nkind: AgentConfig\n';
  writeFileSync(file, `${head}deny: { namespaces: ["pay-*", "Payments "] }\n`);
  const { code, err } = await run('agent', '--config', file);
  expect(code).toBe(2);
  expect(err).toContain(':3:31: deny.namespaces[1]: can never match a name');
});
