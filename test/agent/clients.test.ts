import { rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Clients, createClients } from '../../src/agent/clients.ts';
import { loadAgentConfig } from '../../src/agent/config.ts';
import type { AgentConfig } from '../../src/agent/config-schema.ts';
import { createRandom, systemClock } from '../../src/base/index.ts';
import type { Sim } from '../../src/sim/index.ts';
import { useSims } from '../sim/rig.ts';
import { createRecordingLog } from '../support/recording-log.ts';

const startSim = useSims();
const open: Clients[] = [];
afterEach(async () => {
  for (const clients of open.splice(0)) await clients.close();
});

async function clientsOf(
  sim: Sim,
  changes: Partial<AgentConfig> = {},
  env: Record<string, string> = {},
) {
  const defaults = await loadAgentConfig({}, {});
  const { log, lines } = createRecordingLog();
  const clients = await createClients({
    config: {
      ...defaults,
      node: sim.info.nodeName,
      kubernetes: { kubeconfig: sim.info.kubeconfigPath },
      runtime: { ...defaults.runtime, socket: sim.info.criSocketPath },
      cgroupRoot: sim.info.cgroupRoot,
      procRoot: sim.info.procRoot,
      ...changes,
    },
    env,
    clock: systemClock,
    random: createRandom(1),
    log,
  });
  open.push(clients);
  return { clients, lines };
}

function nodeReads(sim: Sim): number {
  return sim.happenings.all('api-request').filter(({ path }) => path.includes('/nodes/')).length;
}

describe('the clients of an agent', () => {
  it('are made while nobody of the outside is there', async () => {
    const { sim } = await startSim();
    for (const server of [sim.api, sim.kubelet, sim.runtime]) await server.stop();
    const { clients } = await clientsOf(sim);
    await expect(clients.runtime.version()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(clients.kubelet.config()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('find the kubelet by the InternalIP of the node, asked for when it is needed', async () => {
    const { sim } = await startSim();
    const { clients } = await clientsOf(sim);
    expect(clients.kubelet.address).toBe('(not known yet)');
    expect(nodeReads(sim)).toBe(0);
    // The simulated kubelet has another port, so that the address is all there is to see.
    const asked = [clients.kubelet.config(), clients.kubelet.config()];
    for (const one of await Promise.allSettled(asked)) expect(one.status).toBe('rejected');
    expect(clients.kubelet.address).toBe('https://127.0.0.1:10250');
    expect(nodeReads(sim)).toBe(1);
  });

  it('ask for the address again after the API server was away', async () => {
    const { sim } = await startSim();
    await sim.api.stop();
    const { clients } = await clientsOf(sim);
    await expect(clients.kubelet.config()).rejects.toMatchObject({ code: 'unreachable' });
    expect(clients.kubelet.address).toBe('(not known yet)');
    await sim.api.start();
    await clients.kubelet.config().catch(() => undefined);
    expect(clients.kubelet.address).toBe('https://127.0.0.1:10250');
  });

  it('name a node that has no address', async () => {
    const { sim } = await startSim();
    sim.store.remove('nodes', '', sim.info.nodeName);
    const { clients } = await clientsOf(sim);
    await expect(clients.kubelet.config()).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each([
    ['10.0.0.5', 'https://10.0.0.5:10250'],
    ['fd00::5', 'https://[fd00::5]:10250'],
  ])('take HOST_IP %s of the downward API without asking', async (hostIp, address) => {
    const { sim } = await startSim();
    const { clients } = await clientsOf(sim, {}, { HOST_IP: hostIp });
    expect(clients.kubelet.address).toBe(address);
    expect(nodeReads(sim)).toBe(0);
  });

  it('take the configured address before all', async () => {
    const { sim } = await startSim();
    const kubelet = { through: 'direct', address: sim.info.kubeletUrl, tls: {} } as const;
    const { clients } = await clientsOf(sim, { kubelet }, { HOST_IP: '10.0.0.5' });
    expect((await clients.kubelet.config()).evictionHard).toEqual({ 'nodefs.available': '1%' });
  });

  it('go through the API server when that is asked for', async () => {
    const { sim } = await startSim();
    const kubelet = { through: 'api-server', tls: {} } as const;
    const { clients } = await clientsOf(sim, { kubelet }, { HOST_IP: '10.0.0.5' });
    expect(clients.kubelet.address).toContain(sim.info.apiUrl);
  });

  it('do without cgroups on a machine that has none, and say so', async () => {
    const { sim } = await startSim();
    rmSync(sim.info.cgroupRoot, { recursive: true });
    const { clients, lines } = await clientsOf(sim);
    expect(clients.node).toBeUndefined();
    expect(lines).toMatchObject([{ level: 'warn', event: 'no-cgroups' }]);
  });

  it('are refused without an identity', async () => {
    const { sim } = await startSim();
    const kubernetes = { kubeconfig: `${sim.info.kubeconfigPath}.none` };
    await expect(clientsOf(sim, { kubernetes })).rejects.toMatchObject({ code: 'bad-config' });
  });
});
