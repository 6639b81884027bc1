import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createKubeletClient,
  type Identity,
  type KubeletClient,
  type KubeletTls,
} from '../../src/kube/index.ts';
import { type Certificates, createCertificates, type KeyPair } from '../support/certificates.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type ScriptedApiServer, startScriptedApiServer } from '../support/scripted-api-server.ts';

const TARGET = { namespace: 'shop', pod: 'cart-0', container: 'app', timeoutSeconds: 600 };

function identityOf(ca: string, server = 'https://127.0.0.1:1'): Identity {
  return {
    server,
    source: 'in-cluster',
    credentials: async ({ fresh } = { fresh: false }) => ({
      headers: { Authorization: `Bearer ${fresh ? 'new' : 'old'}`, 'Impersonate-User': 'ada' },
      tls: { ca, insecure: false },
    }),
  };
}

let certificates: Certificates;
let ca: KeyPair;
beforeAll(async () => {
  certificates = await createCertificates();
  ca = await certificates.authority('cluster-ca');
});
afterAll(() => certificates.remove());

describe('a kubelet whose certificate the cluster CA has signed', () => {
  let server: ScriptedApiServer;
  let kubelet: KubeletClient;
  const never = new AbortController().signal;
  beforeEach(async () => {
    const serving = await certificates.certificate('node-1', 'DNS:node-1', ca);
    server = await startScriptedApiServer({ tls: serving });
    kubelet = createKubeletClient({
      identity: identityOf(ca.cert),
      nodeName: 'node-1',
      route: { via: 'direct', address: server.url, tls: {} },
      clock: createFakeClock(),
    });
  });
  afterEach(async () => {
    kubelet.close();
    await server.close();
  });

  it('is asked with our token only, names encoded, and answers anything', async () => {
    const odd = { ...TARGET, pod: 'a/b?c' };
    const asked = kubelet.requestCheckpoint(odd, never);
    const exchange = await server.next('other');
    expect(exchange.method).toBe('POST');
    expect(exchange.url).toBe('/checkpoint/shop/a%2Fb%3Fc/app?timeout=600');
    expect(exchange.headers.authorization).toBe('Bearer old');
    expect(exchange.headers['impersonate-user']).toBeUndefined();
    exchange.reply(500, 'checkpointing of shop/a/app failed (container app not found)');
    expect(await asked).toMatchObject({ status: 500 });
  });

  it('is asked once more with a fresh token after a 401', async () => {
    const asked = kubelet.requestCheckpoint(TARGET, never);
    (await server.next('other')).reply(401, 'Unauthorized');
    const again = await server.next('other');
    expect(again.headers.authorization).toBe('Bearer new');
    again.reply(401, 'Unauthorized');
    expect(await asked).toEqual({ status: 401, body: 'Unauthorized' });
  });

  it('is cut after 64 KiB of answer', async () => {
    const asked = kubelet.requestCheckpoint(TARGET, never);
    (await server.next('other')).reply(500, 'x'.repeat(100_000));
    expect((await asked).body).toHaveLength(65_536);
  });

  it('sees the connection close when the call is aborted', async () => {
    const controller = new AbortController();
    const asked = kubelet.requestCheckpoint(TARGET, controller.signal);
    const exchange = await server.next('other');
    controller.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    await exchange.gone;
  });

  it('is unreachable when it dies during the checkpoint, and is not asked again', async () => {
    const warm = kubelet.config();
    (await server.next('other')).reply(200, { kubeletconfig: {} });
    await warm;
    const asked = kubelet.requestCheckpoint(TARGET, never);
    (await server.next('other')).reset();
    await expect(asked).rejects.toMatchObject({ code: 'unreachable' });
    expect(server.waiting()).toEqual([]);
  });

  it('tells its configuration, or which right is missing for that', async () => {
    const asked = kubelet.config();
    const exchange = await server.next('other');
    expect(exchange.url).toBe('/configz');
    exchange.reply(200, { kubeletconfig: { runtimeRequestTimeout: '4m0s' } });
    expect(await asked).toMatchObject({ runtimeRequestTimeoutMs: 240_000 });
    const refused = kubelet.config();
    (await server.next('other')).reply(403, 'Forbidden (user=x, verb=get, resource=nodes)');
    await expect(refused).rejects.toMatchObject({
      code: 'forbidden',
      hint: expect.stringContaining('resources: ["nodes/configz"], verbs: ["get"]'),
    });
  });

  it('tells the counters of its probes as text, or which right is missing for that', async () => {
    const asked = kubelet.probeMetrics(never);
    const exchange = await server.next('other');
    expect([exchange.method, exchange.url]).toEqual(['GET', '/metrics/probes']);
    expect(exchange.headers.accept).toBe('text/plain');
    exchange.reply(200, 'prober_probe_total{} 1');
    expect(await asked).toBe('prober_probe_total{} 1');
    const refused = kubelet.probeMetrics(never);
    (await server.next('other')).reply(403, 'Forbidden (user=x, verb=get, resource=nodes)');
    await expect(refused).rejects.toMatchObject({
      code: 'forbidden',
      hint: expect.stringContaining('resources: ["nodes/metrics"], verbs: ["get"]'),
    });
  });
});

describe('a kubelet with the self-signed certificate that kubelets make for themselves', () => {
  let server: ScriptedApiServer;
  let own: KeyPair;
  const never = new AbortController().signal;
  beforeAll(async () => {
    // The kubelet signs its serving certificate with a CA of its own that nobody else knows.
    const ownCa = await certificates.authority('node-1-ca');
    own = await certificates.certificate('node-1-own', 'DNS:node-1', ownCa);
    server = await startScriptedApiServer({ tls: own });
  });
  afterAll(() => server.close());
  const clientWith = (tls: KubeletTls, nodeName = 'node-1') =>
    createKubeletClient({
      identity: identityOf(ca.cert),
      nodeName,
      route: { via: 'direct', address: server.url, tls },
      clock: createFakeClock(),
    });

  it('is refused without a pin, and our token is never sent', async () => {
    const kubelet = clientWith({});
    await expect(kubelet.requestCheckpoint(TARGET, never)).rejects.toMatchObject({
      code: 'tls-untrusted',
    });
    expect(server.waiting()).toEqual([]);
    kubelet.close();
  });

  it('is accepted when exactly its certificate is pinned, whatever our name for it', async () => {
    const kubelet = clientWith({ pinFile: own.certPath }, 'other-name');
    for (let i = 0; i < 2; i++) {
      const asked = kubelet.requestCheckpoint(TARGET, never);
      (await server.next('other')).reply(200, '{"items":["/c/checkpoint-a.tar"]}');
      expect((await asked).status).toBe(200);
    }
    kubelet.close();
  });

  it('needs no pin when the CA proves it, so that an old pin does no harm', async () => {
    const renewed = await certificates.certificate('node-1-renewed', 'DNS:node-1', ca);
    const rotated = await startScriptedApiServer({ tls: renewed });
    const kubelet = createKubeletClient({
      identity: identityOf(ca.cert),
      nodeName: 'node-1',
      route: { via: 'direct', address: rotated.url, tls: { pinFile: own.certPath } },
      clock: createFakeClock(),
    });
    const asked = kubelet.config();
    (await rotated.next('other')).reply(200, { kubeletconfig: {} });
    await asked;
    kubelet.close();
    await rotated.close();
  });

  it('is refused when another certificate of the same name is pinned', async () => {
    const stranger = await certificates.certificate('stranger', 'DNS:node-1');
    const kubelet = clientWith({ pinFile: stranger.certPath });
    await expect(kubelet.requestCheckpoint(TARGET, never)).rejects.toMatchObject({
      code: 'tls-untrusted',
      message: expect.stringContaining('it is not the pinned one'),
    });
    expect(server.waiting()).toEqual([]);
    kubelet.close();
  });

  it('is accepted again when the pin file follows a new certificate', async () => {
    const stranger = await certificates.certificate('stranger-2', 'DNS:node-1');
    const pinFile = join(certificates.directory, 'pin.pem');
    await writeFile(pinFile, stranger.cert);
    const kubelet = clientWith({ pinFile });
    await expect(kubelet.config()).rejects.toMatchObject({ code: 'tls-untrusted' });
    await writeFile(pinFile, `${own.cert}\n`);
    const asked = kubelet.config();
    (await server.next('other')).reply(200, { kubeletconfig: {} });
    expect(await asked).toMatchObject({ evictionHard: {} });
    kubelet.close();
  });

  it('is accepted by its own CA when that is the one named', async () => {
    const caFile = join(certificates.directory, 'node-1-ca.crt');
    const kubelet = clientWith({ caFile });
    const asked = kubelet.config();
    (await server.next('other')).reply(200, { kubeletconfig: {} });
    await asked;
    kubelet.close();
    const misnamed = clientWith({ caFile }, 'node-2');
    await expect(misnamed.config()).rejects.toMatchObject({ code: 'tls-untrusted' });
    misnamed.close();
  });

  it('names a pin file that is missing or holds no certificate', async () => {
    const missing = clientWith({ pinFile: join(certificates.directory, 'no-such.pem') });
    await expect(missing.config()).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringContaining('no-such.pem cannot be read'),
    });
    const empty = join(certificates.directory, 'empty.pem');
    await writeFile(empty, 'nothing\n');
    const broken = clientWith({ pinFile: empty });
    await expect(broken.config()).rejects.toMatchObject({
      code: 'bad-config',
      message: `kubelet.tls.pin: ${empty} holds no PEM certificate`,
    });
  });

  it('names a CA file that holds no certificate', async () => {
    const caFile = join(certificates.directory, 'no-ca.pem');
    await writeFile(caFile, 'nothing\n');
    await expect(clientWith({ caFile }).config()).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringContaining(`${caFile} holds no PEM certificate`),
    });
  });
});

describe('a kubelet that cannot be used', () => {
  it.each<[string, KubeletTls]>([
    ['without a pin', {}],
    ['with a pin', { pinFile: 'ca' }],
  ])('is unreachable after 5 s when no connection comes of it, %s', async (_, tls) => {
    const accepted = Promise.withResolvers<net.Socket>();
    const mute = net.createServer((socket) => accepted.resolve(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as net.AddressInfo;
    const address = `https://127.0.0.1:${port}`;
    const clock = createFakeClock();
    const kubelet = createKubeletClient({
      identity: identityOf(ca.cert),
      nodeName: 'node-1',
      route: { via: 'direct', address, tls: tls.pinFile ? { pinFile: ca.certPath } : {} },
      clock,
    });
    const asked = kubelet.requestCheckpoint(TARGET, new AbortController().signal);
    const refused = expect(asked).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('no connection within 5 s'),
    });
    const socket = await accepted.promise;
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.resume();
    await clock.advance(5_000);
    await refused;
    await closed;
    expect(clock.waiting()).toBe(0);
    mute.close();
  });

  it('is waited for as long as it takes once the connection is there', async () => {
    const server = await startScriptedApiServer({
      tls: await certificates.certificate('slow', 'DNS:node-1', ca),
    });
    const clock = createFakeClock();
    const kubelet = createKubeletClient({
      identity: identityOf(ca.cert),
      nodeName: 'node-1',
      route: { via: 'direct', address: server.url, tls: {} },
      clock,
    });
    for (let kept = 0; kept < 2; kept++) {
      const asked = kubelet.requestCheckpoint(TARGET, new AbortController().signal);
      const exchange = await server.next('other');
      await clock.advance(600_000);
      exchange.reply(200, '{"items":["/c/checkpoint-a.tar"]}');
      expect((await asked).status).toBe(200);
    }
    kubelet.close();
    await server.close();
  });

  it('can be given up while it does not speak TLS at all', async () => {
    const accepted = Promise.withResolvers<net.Socket>();
    const mute = net.createServer((socket) => accepted.resolve(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as net.AddressInfo;
    const kubelet = createKubeletClient({
      identity: identityOf(ca.cert),
      nodeName: 'node-1',
      route: {
        via: 'direct',
        address: `https://127.0.0.1:${port}`,
        tls: { pinFile: ca.certPath },
      },
      clock: createFakeClock(),
    });
    const controller = new AbortController();
    const asked = kubelet.requestCheckpoint(TARGET, controller.signal);
    const socket = await accepted.promise;
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.resume();
    controller.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    await closed;
    mute.close();
  });

  it('is refused at an address in clear text on another machine', () => {
    const route = { via: 'direct', address: 'http://10.0.0.5:10250', tls: {} } as const;
    const make = () =>
      createKubeletClient({
        identity: identityOf(ca.cert),
        nodeName: 'n',
        route,
        clock: createFakeClock(),
      });
    expect(make).toThrow(/only https, or http on this machine/);
  });
});

describe('a kubelet behind the node proxy of the API server', () => {
  it('is asked below the path of its node, as our whole identity', async () => {
    const server = await startScriptedApiServer();
    const kubelet = createKubeletClient({
      identity: identityOf('', server.url),
      nodeName: 'node-1',
      route: { via: 'api-proxy' },
      clock: createFakeClock(),
    });
    expect(kubelet.address).toBe(`${server.url}/api/v1/nodes/node-1/proxy`);
    const asked = kubelet.requestCheckpoint(TARGET, new AbortController().signal);
    const exchange = await server.next('other');
    expect(exchange.url).toBe('/api/v1/nodes/node-1/proxy/checkpoint/shop/cart-0/app?timeout=600');
    expect(exchange.headers['impersonate-user']).toBe('ada');
    exchange.reply(200, '{"items":["/c/checkpoint-a.tar"]}');
    expect((await asked).status).toBe(200);
    kubelet.close();
    await server.close();
  });
});
