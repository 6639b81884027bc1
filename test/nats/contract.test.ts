import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createRandom, silentLogger, systemClock } from '../../src/base/index.ts';
import {
  connectNats,
  type NatsConnection,
  type NatsOptions,
  type NatsStatus,
} from '../../src/nats/index.ts';
import { startFakeNats } from '../support/fake-nats.ts';
import { findNatsServer, freePort, startNatsServer } from '../support/nats-server.ts';

/** What the contract needs of a server, real or fake. */
interface Server {
  url: string;
  stop(): Promise<void>;
}
interface Wanted {
  port?: number;
  token?: string;
  user?: { name: string; password: string };
  payloadBytesMax?: number;
  denySubscribe?: string;
}

const binary = findNatsServer();
const kinds: { name: string; start: (wanted?: Wanted) => Promise<Server> }[] = [
  {
    name: 'a fake server',
    start: ({ denySubscribe, ...wanted } = {}) =>
      startFakeNats({ ...wanted, denySubscribe: denySubscribe ? [denySubscribe] : [] }),
  },
];
if (binary !== undefined) {
  kinds.push({
    name: 'a real nats-server',
    start: (wanted = {}) => startNatsServer(binary, configOf(wanted), wanted.port),
  });
} else {
  describe.skip('NATS contract on a real nats-server', () => {
    it('skipped: none found in STILLPOINT_NATS_SERVER, PATH or the lab', () => undefined);
  });
}

function configOf(wanted: Wanted): string {
  const lines: string[] = [];
  if (wanted.payloadBytesMax) lines.push(`max_payload: ${wanted.payloadBytesMax}`);
  if (wanted.token) lines.push(`authorization { token: "${wanted.token}" }`);
  if (wanted.user) {
    const { name, password } = wanted.user;
    lines.push(`authorization { user: "${name}", password: "${password}" }`);
  }
  if (wanted.denySubscribe) {
    const permissions = `{ subscribe: { deny: "${wanted.denySubscribe}" } }`;
    lines.push(`authorization { users: [{ user: u, password: p, permissions: ${permissions} }] }`);
    lines.push('no_auth_user: u');
  }
  return lines.join('\n');
}

const common = { clock: systemClock, random: createRandom(1), log: silentLogger };
const bytes = (text: string) => new TextEncoder().encode(text);

async function secretFile(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillpoint-secret-'));
  undo.push(() => rm(directory, { recursive: true }));
  const path = join(directory, 'secret');
  await writeFile(path, content);
  return path;
}

/** The status as soon as it is in this state. */
function until(connection: NatsConnection, state: NatsStatus['state']): Promise<NatsStatus> {
  const now = connection.status();
  if (now.state === state) return Promise.resolve(now);
  return new Promise((resolve) => {
    const cancel = connection.onStatus((next) => {
      if (next.state !== state) return;
      cancel();
      resolve(next);
    });
  });
}

/** Resolves when everything that `from` published before has come to `to`. */
function reached(to: NatsConnection, from: NatsConnection, subject: string): Promise<void> {
  return new Promise((resolve) => {
    // The subscription may reach the server after the message of another connection.
    const cancelRepeat = systemClock.every(10, () => from.publish(subject, bytes('sync')));
    const cancel = to.subscribe(subject, () => {
      cancel();
      cancelRepeat();
      resolve();
    });
  });
}

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let step = undo.pop(); step; step = undo.pop()) await step();
});

describe.each(kinds)('NATS contract on $name', ({ start }) => {
  const serve = async (wanted?: Wanted) => {
    const server = await start(wanted);
    undo.push(() => server.stop());
    return server;
  };
  const open = (url: string, more: Partial<NatsOptions> = {}): NatsConnection => {
    const connection = connectNats({ servers: [url], name: 'test', ...common, ...more });
    undo.push(() => connection.close());
    return connection;
  };

  it('carries messages to a wildcard subscription, in order', async () => {
    const server = await serve();
    const listener = open(server.url);
    const sender = open(server.url);
    const got: string[] = [];
    const three = new Promise<void>((resolve) => {
      listener.subscribe('falco.>', ({ subject, data }) => {
        if (subject === 'falco.sync') return;
        got.push(`${subject} ${new TextDecoder().decode(data)}`);
        if (got.length === 3) resolve();
      });
    });
    await until(listener, 'connected');
    await until(sender, 'connected');
    await reached(listener, sender, 'falco.sync');
    for (const text of ['one', 'two', 'three']) {
      expect(sender.publish('falco.critical.shell', bytes(text)).kind).toBe('sent');
    }
    await three;
    expect(got).toEqual(['one', 'two', 'three'].map((text) => `falco.critical.shell ${text}`));
  });

  it('shares the messages of a queue', async () => {
    const server = await serve();
    const [first, second, sender] = [open(server.url), open(server.url), open(server.url)];
    const numbers = new Set<number>();
    let deliveries = 0;
    const all = new Promise<void>((resolve) => {
      for (const member of [first, second]) {
        const take = ({ data }: { data: Uint8Array }) => {
          deliveries++;
          numbers.add(Number(new TextDecoder().decode(data)));
          if (numbers.size === 20) resolve();
        };
        member.subscribe('work', take, { queue: 'agents' });
      }
    });
    await Promise.all([first, second, sender].map((one) => until(one, 'connected')));
    await reached(first, sender, 'sync1');
    await reached(second, sender, 'sync2');
    for (let i = 0; i < 20; i++) sender.publish('work', bytes(String(i)));
    await all;
    await reached(first, sender, 'sync3');
    await reached(second, sender, 'sync4');
    expect(deliveries).toBe(20);
  });

  it('stops delivering after the subscription is cancelled', async () => {
    const server = await serve();
    const connection = open(server.url);
    await until(connection, 'connected');
    let count = 0;
    const cancel = connection.subscribe('a', () => {
      count++;
    });
    await reached(connection, connection, 'sync1');
    connection.publish('a', bytes('x'));
    await reached(connection, connection, 'sync2');
    cancel();
    connection.publish('a', bytes('x'));
    await reached(connection, connection, 'sync3');
    expect(count).toBe(1);
  });

  it('says that the server is down at start, then connects as soon as it is there', async () => {
    const port = await freePort();
    const connection = open(`nats://127.0.0.1:${port}`);
    expect(connection.status().state).toBe('connecting');
    const heard = new Promise<void>((resolve) => connection.subscribe('a', () => resolve()));
    const down = await until(connection, 'disconnected');
    expect(down).toMatchObject({ code: 'unreachable' });
    await serve({ port });
    await until(connection, 'connected');
    connection.publish('a', bytes('x'));
    await heard;
  });

  it('reports a break, refuses to publish meanwhile, and listens again afterwards', async () => {
    const port = await freePort();
    const server = await start({ port });
    const connection = open(server.url);
    await until(connection, 'connected');
    const heard = new Promise<void>((resolve) => connection.subscribe('a', () => resolve()));
    await server.stop();
    await until(connection, 'disconnected');
    const result = connection.publish('a', bytes('lost'));
    expect(result).toMatchObject({ kind: 'refused', error: { code: 'unreachable' } });
    await serve({ port });
    await until(connection, 'connected');
    connection.publish('a', bytes('x'));
    await heard;
  });

  it('refuses what is larger than the server takes, and stays connected', async () => {
    const server = await serve({ payloadBytesMax: 2_048 });
    const connection = open(server.url);
    await until(connection, 'connected');
    const result = connection.publish('a', new Uint8Array(2_049));
    expect(result).toMatchObject({ kind: 'refused', error: { code: 'too-large' } });
    await reached(connection, connection, 'sync');
  });

  it('names a wrong token without showing it, and keeps trying', async () => {
    const server = await serve({ token: 'right-token' });
    const connection = open(server.url, { tokenFile: await secretFile('wrong-token') });
    const status = await until(connection, 'disconnected');
    expect(status).toMatchObject({ code: 'unauthorized' });
    expect(JSON.stringify(status)).not.toContain('wrong-token');
  });

  it('takes a corrected token at the next try', async () => {
    const server = await serve({ token: 'right-token' });
    const file = await secretFile('wrong-token');
    const connection = open(server.url, { tokenFile: file });
    await until(connection, 'disconnected');
    await writeFile(file, 'right-token\n');
    await until(connection, 'connected');
  });

  it('enters with user and password file', async () => {
    const server = await serve({ user: { name: 'agent', password: 'pass-word' } });
    const passwordFile = await secretFile('pass-word\n');
    const connection = open(server.url, { user: { name: 'agent', passwordFile } });
    await until(connection, 'connected');
  });

  it('tells of a subscription that the server refuses, and the others go on', async () => {
    const server = await serve({ denySubscribe: 'secret' });
    const connection = open(server.url);
    await until(connection, 'connected');
    const refused = new Promise((resolve) => {
      connection.subscribe('secret', () => undefined, { onRefused: resolve });
    });
    expect(await refused).toMatchObject({ code: 'forbidden' });
    await reached(connection, connection, 'sync');
  });

  it('handles what has arrived, then is closed for good', async () => {
    const server = await serve();
    const connection = open(server.url);
    await until(connection, 'connected');
    await connection.close();
    expect(connection.status()).toEqual({ state: 'closed' });
    expect(connection.publish('a', bytes('x')).kind).toBe('refused');
    await connection.close();
  });
});

describe('connectNats without any server', () => {
  it('closes while it waits between two tries', async () => {
    const connection = connectNats({
      servers: [`127.0.0.1:${await freePort()}`],
      name: 'test',
      ...common,
    });
    await until(connection, 'disconnected');
    await connection.close();
    expect(connection.status()).toEqual({ state: 'closed' });
  });

  it('names a missing credentials file', async () => {
    const connection = connectNats({
      servers: ['127.0.0.1'],
      credsFile: '/nonexistent/agent.creds',
      name: 'test',
      ...common,
    });
    undo.push(() => connection.close());
    const status = await until(connection, 'disconnected');
    expect(status).toMatchObject({ code: 'not-found' });
    expect(JSON.stringify(status)).toContain('/nonexistent/agent.creds');
  });
});
