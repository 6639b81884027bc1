import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createHttpServer, type HttpServerOptions } from '../../src/agent/http-server.ts';
import { silentLogger } from '../../src/base/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';

const TOKEN = 'a-token-of-24-characters';
const undo: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (let step = undo.pop(); step; step = undo.pop()) await step();
});

async function serve(changes: Partial<HttpServerOptions> = {}) {
  const bodies: Uint8Array[] = [];
  const shapes: string[] = [];
  let tooLarge = 0;
  const server = createHttpServer({
    address: '127.0.0.1',
    port: 0,
    whyNotReady: () => undefined,
    alerts: {
      token: async () => TOKEN,
      bytesMax: 1_024,
      shapes: ['falco', 'cloudevents', 'json/wazuh'],
      accept: (shape, { data, headers }) => {
        bodies.push(data);
        shapes.push(`${shape} ${headers?.['ce-type'] ?? ''}`.trim());
        return { status: 202, message: 'taken' };
      },
      refuseTooLarge: () => {
        tooLarge++;
        return { status: 413, message: 'too large' };
      },
    },
    clock: createFakeClock(),
    log: silentLogger,
    ...changes,
  });
  const { address, port } = await server.start();
  undo.push(() => server.stop());
  return {
    url: `http://${address}:${port}`,
    port,
    server,
    bodies,
    shapes,
    refused: () => tooLarge,
  };
}

const bearer = { authorization: `Bearer ${TOKEN}` };

describe('the HTTP server on the pod address', () => {
  it('says that it lives and whether it is ready, and nothing else', async () => {
    let why: string | undefined = 'rules-refused';
    const { url } = await serve({ whyNotReady: () => why });
    const read = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return [response.status, await response.text()];
    };
    expect(await read('/healthz')).toEqual([200, 'ok\n']);
    expect(await read('/readyz?verbose')).toEqual([503, 'not ready: rules-refused\n']);
    why = undefined;
    expect(await read('/readyz')).toEqual([200, 'ok\n']);
  });

  it('answers HEAD without a body', async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/healthz`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it.each([
    '/',
    '/metrics',
    '/alerts',
    '/alerts/other',
    '/alerts/json/other',
    '/healthz/',
    '/../etc/passwd',
  ])('knows no %s', async (path) => {
    const { url } = await serve();
    expect((await fetch(`${url}${path}`)).status).toBe(404);
  });

  it('names the methods that a path takes', async () => {
    const { url } = await serve();
    const posted = await fetch(`${url}/healthz`, { method: 'POST', body: 'x' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const got = await fetch(`${url}/alerts/falco`, { headers: bearer });
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('refuses to start with a token that can be guessed', async () => {
    const alerts = {
      shapes: ['falco' as const],
      bytesMax: 1,
      accept: () => never(),
      refuseTooLarge: () => never(),
    };
    const options = {
      address: '127.0.0.1',
      port: 0,
      whyNotReady: () => undefined,
      clock: createFakeClock(),
    };
    const guessed = createHttpServer({
      ...options,
      log: silentLogger,
      alerts: { ...alerts, token: async () => 'short' },
    });
    await expect(guessed.start()).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringMatching(/5 characters; at least 16/),
    });
  });

  it('says who has the port when it is taken', async () => {
    const { port } = await serve();
    await expect(serve({ port })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('ends open connections when it stops', async () => {
    const { port, server } = await serve();
    const socket = await open(port);
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await server.stop();
    await ended;
  });
});

describe('POST /alerts/falco', () => {
  it('hands over the body of a sender who knows the token', async () => {
    const { url, bodies } = await serve();
    const response = await post(url, '{"rule":"r"}', bearer);
    expect([response.status, await response.text()]).toEqual([202, 'taken\n']);
    expect(new TextDecoder().decode(bodies[0])).toBe('{"rule":"r"}');
  });

  it('names the shape by the path, and hands over the headers', async () => {
    const { url, shapes } = await serve();
    const headers = { ...bearer, 'ce-type': 'a.b' };
    await fetch(`${url}/alerts/cloudevents`, { method: 'POST', body: '{}', headers });
    await fetch(`${url}/alerts/json/wazuh?x=1`, { method: 'POST', body: '{}', headers: bearer });
    expect(shapes).toEqual(['cloudevents a.b', 'json/wazuh']);
  });

  const strangers: [string, Record<string, string>][] = [
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer another-token-of-24-char' }],
    ['a part of the token', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ['the token in another scheme', { authorization: `Basic ${TOKEN}` }],
    ['an empty token', { authorization: 'Bearer ' }],
  ];
  it.each(strangers)('takes nothing with %s', async (_what, headers) => {
    const { url, bodies } = await serve();
    const response = await post(url, '{}', headers);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(bodies).toEqual([]);
  });

  it('logs strangers once a minute, without what they sent', async () => {
    const { log, lines } = createRecordingLog();
    const { url } = await serve({ log });
    for (let i = 0; i < 5; i++) await post(url, '{}', { authorization: 'Bearer wrong-secret' });
    expect(lines).toMatchObject([
      { event: 'http-unauthorized', fields: { path: '/alerts/falco' } },
    ]);
    expect(JSON.stringify(lines)).not.toContain('wrong-secret');
  });

  it('answers 413 to an alert of 2 MB, and the client sees the answer', async () => {
    const { url, bodies, refused } = await serve();
    const response = await post(url, 'x'.repeat(2_000_000), bearer);
    expect([response.status, await response.text()]).toEqual([413, 'too large\n']);
    expect([bodies.length, refused()]).toEqual([0, 1]);
  });

  it('counts a body whose length nobody told', async () => {
    const { port, bodies, refused } = await serve();
    expect(await postChunks(port, ['x'.repeat(1_000), 'x'.repeat(1_000)])).toBe(413);
    expect(await postChunks(port, ['{}'])).toBe(202);
    expect([bodies.length, refused()]).toEqual([1, 1]);
  });

  it('refuses a large body before it is sent when the client asks first', async () => {
    const { port } = await serve();
    const socket = await open(port);
    socket.write(
      `POST /alerts/falco HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\n` +
        'Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n',
    );
    expect(await firstLine(socket)).toBe('HTTP/1.1 413 Payload Too Large');
  });

  it('asks for the body when the client asks first and may send it', async () => {
    const { port, bodies } = await serve();
    const socket = await open(port);
    socket.write(
      `POST /alerts/falco HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\n` +
        'Content-Length: 2\r\nExpect: 100-continue\r\n\r\n',
    );
    expect(await firstLine(socket)).toBe('HTTP/1.1 100 Continue');
    socket.write('{}');
    expect(await firstLine(socket)).toBe('HTTP/1.1 202 Accepted');
    expect(bodies).toHaveLength(1);
  });

  it('survives a client that goes away in the middle', async () => {
    const { port, url, bodies } = await serve();
    const socket = await open(port);
    socket.write(
      `POST /alerts/falco HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\n` +
        'Content-Length: 100\r\n\r\nhalf',
    );
    socket.destroy();
    expect((await post(url, '{}', bearer)).status).toBe(202);
    expect(bodies).toHaveLength(1);
  });
});

describe('GET /metrics', () => {
  const metrics = {
    text: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'stillpoint_up 1\n' }),
  };

  it('is open where no token is set', async () => {
    const { url } = await serve({ metrics });
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    expect(await response.text()).toBe('stillpoint_up 1\n');
  });

  it('asks for its token where one is set', async () => {
    const { url } = await serve({ metrics: { ...metrics, token: async () => TOKEN } });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await fetch(`${url}/metrics`, { headers: bearer })).status).toBe(200);
  });

  it('closes the connection and logs when the text cannot be made', async () => {
    const { log, lines } = createRecordingLog();
    const text = () => Promise.reject(new Error('no numbers'));
    const { url } = await serve({ log, metrics: { text } });
    await expect(fetch(`${url}/metrics`)).rejects.toThrow();
    expect(lines).toMatchObject([
      { event: 'http-answer-failed', fields: { reason: 'no numbers' } },
    ]);
  });
});

function never(): never {
  throw new Error('must not be called');
}

function post(url: string, body: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${url}/alerts/falco`, { method: 'POST', body, headers });
}

function postChunks(port: number, chunks: string[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = {
      port,
      host: '127.0.0.1',
      path: '/alerts/falco',
      method: 'POST',
      headers: bearer,
    };
    const request = httpRequest(options, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('error', reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  });
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
    undo.push(() => socket.destroy());
  });
}

function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString().split('\r\n')[0] ?? ''));
  });
}
