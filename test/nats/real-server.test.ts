import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { nkeys } from 'nats';
import { createRandom, silentLogger, systemClock } from '../../src/base/index.ts';
import {
  connectNats,
  type NatsConnection,
  type NatsOptions,
  type NatsStatus,
} from '../../src/nats/index.ts';
import { findNatsServer, startNatsServer } from '../support/nats-server.ts';

const binary = findNatsServer();
const openssl = findOpenssl();

function findOpenssl(): string | undefined {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' });
  } catch {
    return undefined;
  }
}

const undo: (() => Promise<unknown>)[] = [];
let directory = '';
const path = (name: string) => join(directory, name);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'stillpoint-nats-keys-'));
  if (openssl) for (const name of ['server', 'stranger']) makeCertificate(name);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(async () => {
  for (let step = undo.pop(); step; step = undo.pop()) await step();
});

function makeCertificate(name: string): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', path(`${name}.key`), '-out', path(`${name}.crt`)];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', ...kind, '-days', '2', ...subject, ...files], {
    stdio: 'ignore',
  });
}

async function open(config: string, options: Partial<NatsOptions>): Promise<NatsConnection> {
  const server = await startNatsServer(binary ?? '', config);
  undo.push(() => server.stop());
  const connection = connectNats({
    servers: [server.url],
    name: 'test',
    clock: systemClock,
    random: createRandom(1),
    log: silentLogger,
    ...options,
  });
  undo.push(() => connection.close());
  return connection;
}

/** The first status that is not `connecting`. */
function settled(connection: NatsConnection): Promise<NatsStatus> {
  const now = connection.status();
  if (now.state !== 'connecting') return Promise.resolve(now);
  return new Promise((resolve) => {
    const cancel = connection.onStatus((next) => {
      cancel();
      resolve(next);
    });
  });
}

const describeReal = binary === undefined ? describe.skip : describe;
const why = binary === undefined ? ' (skipped: no nats-server found)' : '';

describeReal(`nkeys on a real nats-server${why}`, () => {
  it('enters with the seed of an nkey', async () => {
    const pair = nkeys.createUser();
    writeFileSync(path('user.nk'), pair.getSeed());
    const config = `authorization { users: [{ nkey: ${pair.getPublicKey()} }] }`;
    const connection = await open(config, { nkeyFile: path('user.nk') });
    expect(await settled(connection)).toMatchObject({ state: 'connected' });
  });

  it('is refused with the seed of a stranger', async () => {
    writeFileSync(path('other.nk'), nkeys.createUser().getSeed());
    const config = `authorization { users: [{ nkey: ${nkeys.createUser().getPublicKey()} }] }`;
    const connection = await open(config, { nkeyFile: path('other.nk') });
    expect(await settled(connection)).toMatchObject({ code: 'unauthorized' });
  });

  it('reads a credentials file in the form that nsc writes', async () => {
    const pair = nkeys.createUser();
    const seed = new TextDecoder().decode(pair.getSeed());
    const creds = [
      '-----BEGIN NATS USER JWT-----',
      'eyJ0eXAiOiJKV1QifQ.eyJuYW1lIjoiYSJ9.c2ln',
      '------END NATS USER JWT------',
      '',
      '-----BEGIN USER NKEY SEED-----',
      seed,
      '------END USER NKEY SEED------',
      '',
    ];
    writeFileSync(path('user.creds'), creds.join('\n'));
    const config = `authorization { users: [{ nkey: ${pair.getPublicKey()} }] }`;
    const connection = await open(config, { credsFile: path('user.creds') });
    expect(await settled(connection)).toMatchObject({ state: 'connected' });
  });

  it('says that a credentials file is none', async () => {
    writeFileSync(path('bad.creds'), 'not a credentials file');
    const config = `authorization { users: [{ nkey: ${nkeys.createUser().getPublicKey()} }] }`;
    const connection = await open(config, { credsFile: path('bad.creds') });
    const status = await settled(connection);
    expect(status).toMatchObject({ code: 'bad-config' });
    expect(JSON.stringify(status)).not.toContain('not a credentials file');
  });
});

const describeTls = binary === undefined || openssl === undefined ? describe.skip : describe;
const whyTls = openssl === undefined ? `${why} (skipped: no openssl found)` : why;

describeTls(`TLS on a real nats-server${whyTls}`, () => {
  const tls = (more = '') =>
    `tls { cert_file: "${path('server.crt')}", key_file: "${path('server.key')}"${more} }`;

  it('connects when the CA is named', async () => {
    const connection = await open(tls(), { tls: { caFile: path('server.crt') } });
    expect(await settled(connection)).toMatchObject({ state: 'connected' });
  });

  it('trusts nobody without a CA', async () => {
    const connection = await open(tls(), {});
    expect(await settled(connection)).toMatchObject({ code: 'tls-untrusted' });
  });

  it('does not trust a certificate of another CA', async () => {
    const connection = await open(tls(), { tls: { caFile: path('stranger.crt') } });
    expect(await settled(connection)).toMatchObject({ code: 'tls-untrusted' });
  });

  it('never falls back to plain text when TLS is asked for', async () => {
    const connection = await open('', { tls: {} });
    const status = await settled(connection);
    expect(status).toMatchObject({ code: 'tls-untrusted' });
    expect(JSON.stringify(status)).toContain('does not offer TLS');
  });

  it('shows its own certificate where the server asks for one', async () => {
    const mutual = tls(`, ca_file: "${path('server.crt')}", verify: true`);
    const connection = await open(mutual, {
      tls: {
        caFile: path('server.crt'),
        certFile: path('server.crt'),
        keyFile: path('server.key'),
      },
    });
    expect(await settled(connection)).toMatchObject({ state: 'connected' });
  });
});
