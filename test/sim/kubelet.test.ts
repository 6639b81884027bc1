import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/base/index.ts';
import { createKubeletClient, resolveIdentity } from '../../src/kube/index.ts';
import { advanceUntil, CART, CART_APP, type Rig, useSims } from './rig.ts';

const startSim = useSims();

/** One plain request, without our client. */
async function ask(
  rig: Rig,
  path: string,
  { method = 'POST', token = rig.sim.info.token }: { method?: string; token?: string } = {},
): Promise<[status: number, body: string]> {
  const ca = readFileSync(rig.sim.info.caPath);
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const options = { method, ca, headers, agent: false as const };
    const asked = request(`${rig.sim.info.kubeletUrl}${path}`, options, (reply) => {
      let body = '';
      reply.setEncoding('utf8');
      reply.on('data', (text: string) => {
        body += text;
      });
      reply.on('end', () => resolve([reply.statusCode ?? 0, body]));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('the simulated kubelet answers', () => {
  it.each([
    ['an unknown pod', '/checkpoint/shop/none/app', 404, 'pod does not exist'],
    ['an unknown container', '/checkpoint/shop/cart/none', 404, 'container none does not exist'],
    [
      'a timeout with a unit',
      '/checkpoint/shop/cart/app?timeout=30s',
      404,
      'cannot parse value of timeout parameter',
    ],
    [
      'an empty timeout',
      '/checkpoint/shop/cart/app?timeout=',
      404,
      'cannot parse value of timeout parameter',
    ],
    [
      'the last of two timeouts',
      '/checkpoint/shop/cart/app?timeout=5&timeout=x',
      404,
      'cannot parse value of timeout parameter',
    ],
    [
      'a negative timeout',
      '/checkpoint/shop/cart/app?timeout=-1',
      500,
      'checkpointing of shop/cart/app failed (CheckpointContainer requires the timeout value to be > 0)',
    ],
    ['a path of too few parts', '/checkpoint/shop/cart', 404, '404: Page Not Found'],
  ])('%s', async (_name, path, status, body) => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    expect(await ask(rig, path)).toEqual([status, body]);
  });

  it('a container between two lives as not found in the runtime', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    rig.sim.scenario.exit(CART_APP, 1);
    const words = 'checkpointing of shop/cart/app failed (container app not found)';
    expect(await ask(rig, '/checkpoint/shop/cart/app')).toEqual([500, words]);
  });

  it('a GET with 405, a switched-off feature gate with 404', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    const path = '/checkpoint/shop/cart/app';
    // Authorisation comes first: the agent itself may not GET there and would see a 403.
    rig.sim.identities.add({ user: 'admin', token: 'admin', may: () => true });
    const reading = { method: 'GET', token: 'admin' };
    expect(await ask(rig, path, reading)).toEqual([405, '405: Method Not Allowed']);
    rig.sim.kubelet.checkpointEnabled = false;
    expect(await ask(rig, path)).toEqual([404, '404: Page Not Found']);
  });

  it('an unknown token with 401, a token without the right with the missing rule', async () => {
    const rig = await startSim();
    const path = '/checkpoint/shop/cart/app';
    expect(await ask(rig, path, { token: 'nobody' })).toEqual([401, 'Unauthorized']);
    rig.sim.identities.add({
      user: 'system:serviceaccount:shop:viewer',
      token: 'viewer',
      may: ({ subresource }) => subresource !== 'checkpoint',
    });
    const words =
      'Forbidden (user=system:serviceaccount:shop:viewer, verb=create, resource=nodes, subresource(s)=[checkpoint])\n';
    expect(await ask(rig, path, { token: 'viewer' })).toEqual([403, words]);
  });

  it('the counters of its probes, over the lives of a container', async () => {
    const rig = await startSim();
    const liveness = { handler: 'httpGet', periodMs: 1_000, failureThreshold: 3 } as const;
    const containers = CART.containers.map((one) => ({ ...one, liveness }));
    const { uid } = rig.sim.scenario.addPod({ ...CART, containers });
    await rig.clock.advance(2_000);
    await advanceUntil(rig.clock, rig.sim.scenario.failLiveness(CART_APP));
    const text = await rig.kubelet.probeMetrics(new AbortController().signal);
    const labels = `container="app",namespace="shop",pod="cart",pod_uid="${uid}",probe_type="Liveness"`;
    expect(text).toContain(`prober_probe_total{${labels},result="failed"} 3\n`);
    expect(text).toContain(`prober_probe_total{${labels},result="successful"} 2\n`);
  });

  it('its configuration, which our client can read', async () => {
    const rig = await startSim({ evictionHard: { 'nodefs.available': '7%' } });
    expect(await rig.kubelet.config()).toMatchObject({
      runtimeRequestTimeoutMs: 120_000,
      containerRuntimeEndpoint: `unix://${rig.sim.info.criSocketPath}`,
      cgroupDriver: 'cgroupfs',
      evictionHard: { 'nodefs.available': '7%' },
    });
  });
});

describe('a kubelet that signed its own certificate', () => {
  async function clientOf(rig: Rig, tls: { pinFile?: string; serverName?: string }) {
    const { kubeconfigPath, kubeletUrl: address, nodeName } = rig.sim.info;
    const identity = await resolveIdentity({ kubeconfigPath, env: {}, clock: systemClock });
    const route = { via: 'direct', address, tls } as const;
    return createKubeletClient({ identity, nodeName, route, clock: systemClock });
  }

  it('is refused by the CA of the cluster', async () => {
    const rig = await startSim({ kubeletCertificate: 'selfSigned' });
    const client = await clientOf(rig, {});
    await expect(client.config()).rejects.toMatchObject({ code: 'tls-untrusted' });
    client.close();
  });

  it('is accepted when its certificate is pinned', async () => {
    const rig = await startSim({ kubeletCertificate: 'selfSigned' });
    const client = await clientOf(rig, { pinFile: rig.sim.info.kubeletCertPath });
    expect(await client.config()).toMatchObject({ cgroupDriver: 'cgroupfs' });
    client.close();
  });
});
