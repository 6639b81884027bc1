import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { connect } from 'nats';
import {
  askKubelet,
  askKubeletForCheckpoint,
  awaitRunning,
  createServiceAccountToken,
  ctr,
  daemonIsAlive,
  daemonPid,
  deletePod,
  kubectl,
  labInfo,
  mayCheckpoint,
  nodeOf,
  startApiServer,
  startContainerd,
  startKubelet,
  startNats,
  startWorkPod,
  stopApiServer,
  stopContainerd,
  stopKubelet,
  stopNats,
} from './lib/index.ts';

const lab = labInfo();
const node = nodeOf(lab);
const pod = 'helpers';

afterAll(() => deletePod(pod));

describe('rights', () => {
  afterAll(() => kubectl(['delete', 'serviceaccount', 'nobody', 'keeper']));

  test('a service account is refused a checkpoint without the right, and has it with', async () => {
    await startWorkPod({ name: pod, command: ['counter'] });
    const nobody = await createServiceAccountToken('nobody', []);
    const keeper = await createServiceAccountToken('keeper', [mayCheckpoint]);

    const refused = await askKubeletForCheckpoint(node, { pod }, { token: nobody });
    expect(refused.status).toBe(403);
    expect(refused.body).toContain('subresource(s)=[checkpoint]');
    const allowed = await askKubeletForCheckpoint(node, { pod }, { token: keeper });
    expect(allowed.status).toBe(200);
  });

  test('a kubelet serves the certificate that the lab names', async () => {
    const file = new X509Certificate(readFileSync(node.kubeletCertFile));
    const served = await servedCertificate(node.address);
    expect(served).toBe(createHash('sha256').update(file.raw).digest('hex'));
    expect(file.checkHost(node.name)).toBe(node.name);
    expect(file.checkIP(node.address)).toBe(lab.kubeletCert === 'ca' ? node.address : undefined);
  });
});

describe('faults', () => {
  // Whatever a test has stopped runs again before the next one.
  afterEach(async () => {
    if (!daemonIsAlive('apiserver')) await startApiServer();
    if (!daemonIsAlive('nats')) await startNats();
    if (!daemonIsAlive(`containerd-${node.name}`)) await startContainerd();
    if (!daemonIsAlive(`kubelet-${node.name}`)) await startKubelet();
  });

  test('the API server can be away, and the node goes on', async () => {
    await stopApiServer();
    await expect(kubectl(['get', 'nodes'])).rejects.toThrow('10.77.0.100:6443');
    expect(await ctr(node, ['tasks', 'ls'])).toContain('RUNNING');
    await startApiServer();
    expect(await kubectl(['get', 'nodes'])).toContain(node.name);
  });

  test('containerd can be away, and its containers go on', async () => {
    const before = await awaitRunning(pod);
    const pid = daemonPid(`containerd-${node.name}`);
    await stopContainerd();
    await startContainerd();
    expect(daemonPid(`containerd-${node.name}`)).not.toBe(pid);
    expect(await ctr(node, ['tasks', 'ls'])).toMatch(new RegExp(`${before.id}\\s+\\d+\\s+RUNNING`));
  });

  test('a kubelet can be away', async () => {
    await stopKubelet();
    await expect(askKubelet(node, 'GET', '/healthz')).rejects.toThrow('ECONNREFUSED');
    await startKubelet();
    expect((await askKubelet(node, 'GET', '/healthz')).body).toBe('ok');
  });

  test('NATS can be away, and what JetStream has stored is still there', async () => {
    const first = await connect({ servers: lab.nats.url });
    const manager = await first.jetstreamManager();
    await manager.streams.add({ name: 'KEPT', subjects: ['kept.>'] });
    await first.jetstream().publish('kept.one', 'hello');
    await first.close();

    await stopNats();
    await expect(connect({ servers: lab.nats.url, timeout: 1000 })).rejects.toThrow();
    await startNats();

    const second = await connect({ servers: lab.nats.url });
    const stream = await second.jetstream().streams.get('KEPT');
    const message = await stream.getMessage({ seq: 1 });
    expect(new TextDecoder().decode(message.data)).toBe('hello');
    await second.close();
  });
});

function servedCertificate(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port: 10250, rejectUnauthorized: false }, () => {
      resolve(createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex'));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
