import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../src/base/index.ts';
import {
  type ApiClient,
  createApiClient,
  type Identity,
  type TlsMaterial,
} from '../../src/kube/index.ts';
import { type Certificates, createCertificates, type KeyPair } from '../support/certificates.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import {
  type ScriptedApiServer,
  startScriptedApiServer,
  statusOf,
} from '../support/scripted-api-server.ts';

function identityOf(server: string, tls: Partial<TlsMaterial> = {}): Identity {
  return {
    server,
    source: 'kubeconfig',
    credentials: async () => ({
      headers: { Authorization: 'Bearer secret' },
      tls: { insecure: false, ...tls },
    }),
  };
}

describe('the API client', () => {
  let server: ScriptedApiServer;
  let clock: FakeClock;
  let api: ApiClient;
  beforeEach(async () => {
    server = await startScriptedApiServer();
    clock = createFakeClock();
    api = createApiClient(identityOf(server.url), { clock, log: silentLogger });
  });
  afterEach(async () => {
    api.close();
    await server.close();
  });
  const ask = (path = '/api/v1/nodes/n1') => api.json<unknown>({ method: 'GET', path });

  it('sends and receives JSON as its identity', async () => {
    const path = '/api/v1/namespaces/shop/events';
    const asked = api.json({ method: 'POST', path, body: { reason: 'Bär' } });
    const exchange = await server.next('other');
    expect(exchange.headers).toMatchObject({
      authorization: 'Bearer secret',
      'content-type': 'application/json',
      accept: 'application/json',
    });
    expect(JSON.parse(exchange.body)).toEqual({ reason: 'Bär' });
    exchange.reply(201, { ok: true });
    expect(await asked).toEqual({ ok: true });
  });

  it.each([
    [400, 'bad-input'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [408, 'timeout'],
    [409, 'conflict'],
    [410, 'expired'],
    [413, 'too-large'],
    [422, 'bad-input'],
    [429, 'unreachable'],
    [500, 'unreachable'],
    [504, 'timeout'],
  ])('makes of status %i the error %s, with the words of the server', async (status, code) => {
    const asked = ask();
    (await server.next('other')).reply(status, statusOf(status, 'Reason', 'it is so'));
    await expect(asked).rejects.toMatchObject({
      code,
      message: `GET ${server.url}/api/v1/nodes/n1: ${status} it is so`,
      details: { status, reason: 'Reason' },
    });
  });

  it('gives up after its time limit and closes the connection', async () => {
    const givenUp = expect(ask()).rejects.toMatchObject({ code: 'timeout' });
    const exchange = await server.next('other');
    await clock.advance(15_000);
    await givenUp;
    await exchange.gone;
    expect(clock.waiting()).toBe(0);
  });

  it('gives up when it is aborted', async () => {
    const controller = new AbortController();
    const asked = api.json({ method: 'GET', path: '/version' }, controller.signal);
    const exchange = await server.next('other');
    controller.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    await exchange.gone;
  });

  it('gives up while its credentials do not come', async () => {
    const identity = {
      ...identityOf(server.url),
      credentials: () => new Promise<never>(() => null),
    };
    const slow = createApiClient(identity, { clock, log: silentLogger });
    const late = slow.json({ method: 'GET', path: '/version', timeoutMs: 500 });
    const givenUp = expect(late).rejects.toMatchObject({ code: 'timeout' });
    await clock.advance(500);
    await givenUp;
  });

  it('repeats a GET, but no POST, on a kept connection that breaks under it', async () => {
    const warm = ask();
    (await server.next('other')).reply(200, {});
    await warm;
    const get = ask();
    (await server.next('other')).reset();
    (await server.next('other')).reply(200, { again: true });
    expect(await get).toEqual({ again: true });
    const post = api.json({ method: 'POST', path: '/api/v1/namespaces/a/events', body: {} });
    (await server.next('other')).reset();
    await expect(post).rejects.toMatchObject({ code: 'unreachable' });
    expect(server.waiting()).toEqual([]);
  });

  it('refuses a stream that the server refuses', async () => {
    const asked = api.lines(
      { method: 'GET', path: '/api/v1/pods?watch=true' },
      new AbortController().signal,
    );
    (await server.next('watch')).reply(403, statusOf(403, 'Forbidden', 'no'));
    await expect(asked).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('ends a stream without an error when it is aborted', async () => {
    const controller = new AbortController();
    const opening = api.lines(
      { method: 'GET', path: '/api/v1/pods?watch=true' },
      controller.signal,
    );
    const exchange = await server.next('watch');
    exchange.open();
    exchange.line('one\ntwo\n');
    const seen: string[] = [];
    for await (const line of await opening) {
      seen.push(line);
      if (line === 'two') controller.abort();
    }
    expect(seen).toEqual(['one', 'two']);
    await exchange.gone;
  });

  it('names a server that is not there', async () => {
    await server.close();
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      details: { nodeCode: 'ECONNREFUSED' },
    });
  });
});

describe('the API client over TLS', () => {
  let certificates: Certificates;
  let ca: KeyPair;
  let serving: KeyPair;
  let server: ScriptedApiServer;
  beforeAll(async () => {
    certificates = await createCertificates();
    ca = await certificates.authority('cluster-ca');
    serving = await certificates.certificate('api', 'DNS:api.internal,IP:127.0.0.1', ca);
    const client = { requestCert: true, ca: ca.cert };
    server = await startScriptedApiServer({ tls: { ...serving, ...client } });
  });
  afterAll(async () => {
    await server.close();
    await certificates.remove();
  });
  const clientOf = (tls: Partial<TlsMaterial>, log = silentLogger) =>
    createApiClient(identityOf(server.url, tls), { clock: createFakeClock(), log });
  const ask = (api: ApiClient) =>
    api.json({ method: 'GET', path: '/version' }).finally(() => api.close());

  it('trusts the CA of the cluster', async () => {
    const asked = ask(clientOf({ ca: ca.cert }));
    (await server.next('other')).reply(200, { major: '1' });
    expect(await asked).toEqual({ major: '1' });
  });

  it('refuses a server that another CA has signed, before it sends anything', async () => {
    const other = await certificates.authority('other-ca');
    await expect(ask(clientOf({ ca: other.cert }))).rejects.toMatchObject({
      code: 'tls-untrusted',
      // Node's own advice is for programs that trust the CAs of the machine.
      message: expect.not.stringContaining('--use-system-ca'),
    });
    expect(server.waiting()).toEqual([]);
  });

  it('refuses a certificate of another name', async () => {
    const asked = ask(clientOf({ ca: ca.cert, serverName: 'elsewhere.internal' }));
    await expect(asked).rejects.toMatchObject({ code: 'tls-untrusted' });
  });

  it('shows its client certificate', async () => {
    const client = await certificates.certificate('agent', 'DNS:agent', ca);
    const asked = ask(clientOf({ ca: ca.cert, cert: client.cert, key: client.key }));
    const exchange = await server.next('other');
    expect(exchange.clientCertificate?.subject.CN).toBe('agent');
    exchange.reply(200, {});
    await asked;
  });

  it('makes a new pool when its material changes, and keeps it while it does not', async () => {
    let tls: TlsMaterial = { ca: ca.cert, insecure: false };
    const identity: Identity = {
      ...identityOf(server.url),
      credentials: async () => ({ headers: {}, tls: { ...tls } }),
    };
    const api = createApiClient(identity, { clock: createFakeClock(), log: silentLogger });
    const before = server.connections();
    const once = async () => {
      const asked = api.json({ method: 'GET', path: '/version' });
      (await server.next('other')).reply(200, {});
      await asked;
    };
    await once();
    await once();
    expect(server.connections() - before).toBe(1);
    tls = { ...tls, ca: `${ca.cert}\n${(await certificates.authority('next-ca')).cert}` };
    await once();
    expect(server.connections() - before).toBe(2);
    api.close();
  });

  it('says so once when a kubeconfig switches verification off', async () => {
    const { log, lines } = createRecordingLog();
    const api = clientOf({ insecure: true }, log);
    for (let i = 0; i < 2; i++) {
      const asked = api.json({ method: 'GET', path: '/version' });
      (await server.next('other')).reply(200, {});
      await asked;
    }
    api.close();
    expect(lines.map(({ event }) => event)).toEqual(['api-server-not-verified']);
  });

  it('names key material that cannot be used', async () => {
    const asked = ask(clientOf({ ca: ca.cert, cert: 'nonsense', key: 'nonsense' }));
    await expect(asked).rejects.toMatchObject({ code: 'bad-config' });
  });
});
