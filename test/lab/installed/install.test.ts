import { beforeAll, describe, expect, it } from '@jest/globals';
import { labInfo } from '../lib/index.ts';
import { agentStatus, install, stillpointOn, uninstall } from '../rig/index.ts';

const { nodes } = labInfo();
let readyMs = 0;

beforeAll(async () => {
  await uninstall();
  readyMs = await install();
});

describe('kubectl apply -k deploy/base', () => {
  it('has an agent ready on each of two nodes within 10 s', () => {
    process.stderr.write(`ready on ${nodes.length} nodes after ${readyMs.toFixed(0)} ms\n`);
    expect(nodes).toHaveLength(2);
    expect(readyMs).toBeLessThan(10_000);
  });

  it('gives each agent all it needs: every source lives, all backends and the guard are there', async () => {
    for (const node of nodes) {
      const { node: name, sources, backends } = await agentStatus(node);
      expect(name).toBe(node.name);
      const live = sources.filter(({ status }) => status.state === 'live').map((each) => each.name);
      expect(live).toEqual(expect.arrayContaining(['pods', 'events', 'memory', 'schedule']));
      expect(backends).toEqual([
        expect.objectContaining({ name: 'containerd', state: 'available' }),
        expect.objectContaining({ name: 'cri', state: 'available' }),
        expect.objectContaining({ name: 'kubelet', state: 'available' }),
      ]);
    }
  });

  it('can be asked by kubectl exec', async () => {
    for (const node of nodes) {
      const text = await stillpointOn(node, ['status', '--output', 'json']);
      expect(JSON.parse(text)).toMatchObject({ node: node.name });
    }
  });
});
