import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createAgentClient } from '../../src/cli/agent-client.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { run } from './rig.ts';

const tempDir = useTempDirs();
let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
  server = undefined;
});

/** An agent that answers as the test says, well or badly. */
async function answering(
  answer: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<string> {
  const socket = join(tempDir(), 'agent.sock');
  server = createServer((request, response) => answer(response, request));
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
  return socket;
}

describe('the way to the agent', () => {
  it('says that none runs here, and ends with 3', async () => {
    const socket = join(tempDir(), 'none.sock');
    for (const argv of [
      ['status'],
      ['pause'],
      ['resume'],
      ['archives', 'prune'],
      ['capture', 'a/b'],
    ]) {
      const { code, out, err } = await run(...argv, '--socket', socket);
      expect([code, out]).toEqual([3, '']);
      expect(err).toContain(`error unreachable: agent socket ${socket}: no agent runs here`);
      expect(err).toContain('hint: Start `stillpoint agent`');
    }
  });

  it('says that the agent ended in the middle of an answer', async () => {
    const socket = await answering((response) => {
      response.writeHead(200);
      response.write('{"half":');
      setImmediate(() => response.destroy());
    });
    const { code, err } = await run('status', '--socket', socket);
    expect(code).toBe(3);
    expect(err).toContain('the agent ended before it had answered');
  });

  it('says that the agent ended in the middle of a capture', async () => {
    const socket = await answering((response) => {
      response.writeHead(200);
      response.write('{"kind":"accepted","trigger":"t1","target":"shop/cart/app"}\n');
      setTimeout(() => response.destroy(), 20);
    });
    const { code, err } = await run('capture', 'shop/cart', '--socket', socket);
    expect(code).toBe(3);
    expect(err).toContain('accepted as t1: shop/cart/app');
    expect(err).toContain('the agent ended before');
    expect(err).not.toContain('    at ');
  });

  it('says that a capture ended without an end', async () => {
    const socket = await answering((response) => response.end('{"kind":"capturing"}\n'));
    const { code, err } = await run('capture', 'shop/cart', '--socket', socket);
    expect(code).toBe(3);
    expect(err).toContain('the agent ended before the capture did');
  });

  it.each<[string, number, string]>([
    ['no JSON', 200, 'hello'],
    ['no JSON as an error', 500, '<html>'],
    ['JSON without a code', 500, '{"error":{}}'],
    ['a code of a newer agent', 400, '{"error":{"code":"quantum","message":"m"}}'],
    ['a code that every object has', 400, '{"error":{"code":"toString","message":"m"}}'],
    ['nothing', 404, ''],
    ['null', 500, 'null'],
  ])('refuses an answer of %s', async (_, status, body) => {
    const socket = await answering((response) => response.writeHead(status).end(body));
    const client = createAgentClient(socket);
    await expect(client.json('GET', '/v1/status')).rejects.toMatchObject({ code: 'bad-input' });
  });

  it('refuses a line that does not end', async () => {
    const socket = await answering((response) => {
      response.writeHead(200);
      const part = 'x'.repeat(1024 * 1024);
      const more = () => {
        while (!response.destroyed && response.write(part));
        response.once('drain', more);
      };
      more();
    });
    const read = async () => {
      for await (const _ of createAgentClient(socket).lines('POST', '/v1/captures', {}));
    };
    await expect(read()).rejects.toMatchObject({ code: 'too-large' });
  });

  it('hands on an error of the agent with its exit code', async () => {
    const body = '{"error":{"code":"forbidden","message":"not \\u001b[2J you","hint":"ask"}}';
    const socket = await answering((response) => response.writeHead(400).end(body));
    const { code, err } = await run('status', '--socket', socket);
    expect(code).toBe(4);
    expect(err).toBe('error forbidden: not \\x1b[2J you\nhint: ask\n');
  });
});
