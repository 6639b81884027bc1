import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/base/index.ts';
import { isPinned, peekServer, subjectsOf } from '../../src/kube/index.ts';
import { type Certificates, createCertificates, type KeyPair } from '../support/certificates.ts';

let certificates: Certificates;
let ca: KeyPair;
let other: KeyPair;
let leaf: KeyPair;

beforeAll(async () => {
  certificates = await createCertificates();
  ca = await certificates.authority('our-ca');
  other = await certificates.authority('other-ca');
  leaf = await certificates.certificate('node1', 'DNS:node1', ca);
}, 30_000);
afterAll(() => certificates.remove());

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A server that knows nobody, as a kubelet does; `date` is what it says the time is. */
async function startTls(date?: string) {
  const asked: unknown[] = [];
  const server = createServer({ key: leaf.key, cert: leaf.cert }, (request, response) => {
    asked.push(request.headers.authorization);
    response.writeHead(401, date === undefined ? {} : { date });
    response.end('Unauthorized');
  });
  return { url: `https://127.0.0.1:${await listen(server)}`, asked };
}

const peek = (url: string, trust: object) =>
  peekServer(url, trust, systemClock, new AbortController().signal);

describe('a look at a server as a stranger', () => {
  it('sees its certificate, by whom it is proved, and its clock', async () => {
    const { url, asked } = await startTls();
    const seen = await peek(url, { ca: ca.cert, serverName: 'node1' });
    expect(seen).toMatchObject({
      certificate: { subject: 'CN=node1', issuer: 'CN=our-ca', names: ['DNS:node1'] },
    });
    expect(seen.distrust).toBeUndefined();
    expect(Math.abs(seen.aheadMs ?? Number.NaN)).toBeLessThan(1_500);
    expect(asked).toEqual([undefined]);
  });

  it.each<[string, () => object, string]>([
    [
      'another CA was named',
      () => ({ ca: other.cert, serverName: 'node1' }),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [
      'it is for another name',
      () => ({ ca: ca.cert, serverName: 'node2' }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'it is for a name, not for the address',
      () => ({ ca: ca.cert, serverName: '127.0.0.1' }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
  ])('says why it would be refused when %s', async (_, trust, distrust) => {
    const { url } = await startTls();
    expect(await peek(url, trust())).toMatchObject({
      distrust,
      certificate: { issuer: 'CN=our-ca' },
    });
  });

  it('tells how far its clock is ahead', async () => {
    const { url } = await startTls(new Date(systemClock.wallMs() + 60_000).toUTCString());
    const { aheadMs = 0 } = await peek(url, {});
    expect(Math.abs(aheadMs - 60_000)).toBeLessThan(1_500);
  });

  it('sees no certificate over plain http', async () => {
    const port = await listen(createHttpServer((_, response) => void response.end()));
    const seen = await peek(`http://127.0.0.1:${port}`, {});
    expect(seen.certificate).toBeUndefined();
    expect(seen.aheadMs).toBeDefined();
  });

  it('is unreachable where nobody listens', async () => {
    await expect(peek('https://127.0.0.1:1', {})).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('certificates in a file', () => {
  it('are named, and compared with the one that was seen', async () => {
    expect(subjectsOf(ca.cert + other.cert)).toEqual(['CN=our-ca', 'CN=other-ca']);
    expect(subjectsOf('no PEM')).toEqual([]);
    const { url } = await startTls();
    const { certificate } = await peek(url, {});
    expect(isPinned(leaf.cert, certificate?.fingerprint256 ?? '')).toBe(true);
    expect(isPinned(ca.cert, certificate?.fingerprint256 ?? '')).toBe(false);
  });
});
