import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../src/base/index.ts';
import { createApiClient, type Identity, resolveIdentity } from '../../src/kube/index.ts';
import { type Certificates, createCertificates } from '../support/certificates.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { startScriptedApiServer } from '../support/scripted-api-server.ts';

let directory: string;
let clock: FakeClock;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stillpoint-identity-'));
});
beforeEach(() => {
  clock = createFakeClock();
});
afterAll(() => rm(directory, { recursive: true }));

async function fileOf(name: string, content: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

/** A kubeconfig of one context `main`, whose user and cluster are given in part. */
function kubeconfigOf(name: string, user: object, cluster: object = {}): Promise<string> {
  const server = 'https://10.1.2.3:6443';
  const content = {
    'current-context': 'main',
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
  };
  return fileOf(name, JSON.stringify(content));
}

const resolve = (kubeconfigPath: string, context?: string) =>
  resolveIdentity({ kubeconfigPath, context, env: { PATH: process.env.PATH }, clock });

async function authorizationOf(identity: Identity, fresh = false): Promise<string | undefined> {
  return (await identity.credentials({ fresh })).headers.Authorization;
}

describe('in a pod', () => {
  let serviceAccountDirectory: string;
  beforeAll(async () => {
    serviceAccountDirectory = join(directory, 'service-account');
    await mkdir(serviceAccountDirectory);
  });
  beforeEach(async () => {
    await fileOf('service-account/token', 'first\n');
    await fileOf('service-account/ca.crt', 'THE CA');
  });
  const inPod = (host: string, port?: string) =>
    resolveIdentity({
      env: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port },
      clock,
      serviceAccountDirectory,
    });

  it('is the service account, its token without the newline of the file', async () => {
    const identity = await inPod('10.96.0.1', '443');
    expect(identity).toMatchObject({ source: 'in-cluster', server: 'https://10.96.0.1:443' });
    expect(await identity.credentials()).toEqual({
      headers: { Authorization: 'Bearer first' },
      tls: { ca: 'THE CA', insecure: false },
    });
  });

  it('puts an IPv6 address into brackets', async () => {
    expect((await inPod('fd00::1', '6443')).server).toBe('https://[fd00::1]:6443');
  });

  it('follows a token that is replaced', async () => {
    const identity = await inPod('10.96.0.1');
    expect(await authorizationOf(identity)).toBe('Bearer first');
    await fileOf('service-account/token', 'a second token');
    expect(await authorizationOf(identity)).toBe('Bearer a second token');
  });

  it('says which file is missing or empty, and recovers when it comes', async () => {
    const identity = await inPod('10.96.0.1');
    await fileOf('service-account/token', '\n');
    await expect(identity.credentials()).rejects.toMatchObject({ code: 'bad-config' });
    await rm(join(serviceAccountDirectory, 'token'));
    await expect(identity.credentials()).rejects.toMatchObject({
      code: 'bad-config',
      retryable: true,
      message: expect.stringContaining(join(serviceAccountDirectory, 'token')),
    });
    await fileOf('service-account/token', 'back');
    expect(await authorizationOf(identity)).toBe('Bearer back');
  });
});

describe('by a kubeconfig', () => {
  it('takes a token, trimmed', async () => {
    const identity = await resolve(await kubeconfigOf('token', { token: 'abc\n' }));
    expect(identity).toMatchObject({ source: 'kubeconfig', server: 'https://10.1.2.3:6443' });
    expect(await authorizationOf(identity)).toBe('Bearer abc');
  });

  it('follows a token file, given relative to the kubeconfig, and prefers it', async () => {
    await fileOf('the-token', 'from file\n');
    const identity = await resolve(
      await kubeconfigOf('token-file', { token: 'x', tokenFile: 'the-token' }),
    );
    expect(await authorizationOf(identity)).toBe('Bearer from file');
    await fileOf('the-token', 'from the next file');
    expect(await authorizationOf(identity)).toBe('Bearer from the next file');
  });

  it('takes CA, client certificate, key and server name, as files or as data', async () => {
    await fileOf('ca.pem', 'CA');
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const user = {
      'client-certificate-data': base64('CERT'),
      'client-key-data': base64('KEY'),
    };
    const cluster = { 'certificate-authority': 'ca.pem', 'tls-server-name': 'api.internal' };
    const identity = await resolve(await kubeconfigOf('certificates', user, cluster));
    expect((await identity.credentials()).tls).toEqual({
      ca: 'CA',
      cert: 'CERT',
      key: 'KEY',
      serverName: 'api.internal',
      insecure: false,
    });
  });

  it('takes user and password, and whom to impersonate', async () => {
    const user = { username: 'ada', password: 'pw', as: 'grace' };
    const identity = await resolve(await kubeconfigOf('basic', user));
    const { headers } = await identity.credentials();
    expect(headers.Authorization).toBe(`Basic ${Buffer.from('ada:pw').toString('base64')}`);
    expect(headers['Impersonate-User']).toBe('grace');
  });

  it('runs an exec plugin beside it, tells it what it expects, and again when told or due', async () => {
    const plugin = `#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" > "${directory}/exec-info"
echo run >> "${directory}/exec-runs"
expires='"expirationTimestamp":"2026-01-01T01:00:00Z"'
printf '{"kind":"ExecCredential","status":{"token":"from-%s",%s}}' "$WHO" "$expires"
`;
    await chmod(await fileOf('plugin.sh', plugin), 0o755);
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: './plugin.sh',
      env: [{ name: 'WHO', value: 'plugin' }],
    };
    const identity = await resolve(await kubeconfigOf('exec', { exec }));
    expect(await authorizationOf(identity)).toBe('Bearer from-plugin');
    await authorizationOf(identity);
    expect(await readFile(join(directory, 'exec-runs'), 'utf8')).toBe('run\n');
    await authorizationOf(identity, true);
    expect(await readFile(join(directory, 'exec-runs'), 'utf8')).toBe('run\nrun\n');
    await clock.advance(60 * 60_000);
    await authorizationOf(identity);
    expect(await readFile(join(directory, 'exec-runs'), 'utf8')).toBe('run\nrun\nrun\n');
    const info = JSON.parse(await readFile(join(directory, 'exec-info'), 'utf8'));
    expect(info).toMatchObject({ apiVersion: 'client.authentication.k8s.io/v1' });
  });

  it('names what an exec plugin says when it fails', async () => {
    const command = await fileOf('fails.sh', '#!/bin/sh\necho "please sign in" >&2\nexit 1\n');
    await chmod(command, 0o755);
    const identity = await resolve(await kubeconfigOf('fails', { exec: { command } }));
    await expect(identity.credentials()).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('please sign in'),
    });
  });

  it('takes the first of two files for a name that both have', async () => {
    const first = await kubeconfigOf('first', { token: 'first' });
    const second = await kubeconfigOf('second', { token: 'second' });
    const identity = await resolveIdentity({ env: { KUBECONFIG: `${first}:${second}` }, clock });
    expect(await authorizationOf(identity)).toBe('Bearer first');
  });

  it('is found below the home directory when nothing else is said', async () => {
    await mkdir(join(directory, '.kube'), { recursive: true });
    const path = await kubeconfigOf('.kube/config', { token: 'home' });
    expect(path).toBe(join(directory, '.kube', 'config'));
    const identity = await resolveIdentity({ env: { HOME: directory }, clock });
    expect(await authorizationOf(identity)).toBe('Bearer home');
  });

  it.each([
    ['a context that is not there', 'other', '{"contexts":[{"name":"main","context":{}}]}', 'main'],
    ['no context at all', undefined, '{}', 'no current-context'],
    ['no mapping', undefined, '- a', 'must be a YAML mapping'],
    ['broken YAML', undefined, '{', 'cannot be used'],
  ])('refuses %s and says so', async (_, context, content, words) => {
    const path = await fileOf('broken', content);
    await expect(resolve(path, context)).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringContaining(words),
    });
  });

  it('refuses to send a token in clear text to another machine', async () => {
    const path = await kubeconfigOf('plain', {}, { server: 'http://10.1.2.3:8080' });
    await expect(resolve(path)).rejects.toMatchObject({ code: 'bad-config' });
  });

  it('speaks plain http on this machine, as to kubectl proxy', async () => {
    const server = await startScriptedApiServer();
    const path = await kubeconfigOf('local', { token: 'abc' }, { server: server.url });
    const api = createApiClient(await resolve(path), { clock, log: silentLogger });
    const asked = api.json({ method: 'GET', path: '/version' });
    const exchange = await server.next('other');
    expect(exchange.headers.authorization).toBe('Bearer abc');
    exchange.reply(200, {});
    await asked;
    api.close();
    await server.close();
  });
});

describe('by a kubeconfig that names a proxy', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await createCertificates();
  });
  afterAll(() => certificates.remove());

  it('goes through it, verified end to end', async () => {
    const ca = await certificates.authority('cluster-ca');
    const serving = await certificates.certificate('api', 'IP:127.0.0.1', ca);
    const server = await startScriptedApiServer({ tls: serving });
    const tunnels: string[] = [];
    const proxy = http.createServer();
    proxy.on('connect', (request, client) => {
      tunnels.push(request.url ?? '');
      const upstream = net.connect(server.port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const path = await kubeconfigOf(
      'proxied',
      { token: 'abc' },
      {
        server: server.url,
        'certificate-authority': ca.certPath,
        'proxy-url': `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`,
      },
    );
    const api = createApiClient(await resolve(path), { clock, log: silentLogger });
    const asked = api.json({ method: 'GET', path: '/version' });
    const exchange = await server.next('other');
    expect(exchange.headers.authorization).toBe('Bearer abc');
    exchange.reply(200, { via: 'proxy' });
    expect(await asked).toEqual({ via: 'proxy' });
    expect(tunnels).toEqual([`127.0.0.1:${server.port}`]);
    api.close();
    proxy.closeAllConnections();
    proxy.close();
    await server.close();
  });
});
