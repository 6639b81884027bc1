import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ApiRoutes, type ApiServer, createApiServer } from '../../src/agent/api-server.ts';
import { StillpointError, systemClock } from '../../src/base/index.ts';
import { createAgentClient } from '../../src/cli/agent-client.ts';

let directory: string;
let socket: string;
let server: ApiServer | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sp-api-'));
  socket = join(directory, 'run', 'agent.sock');
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const noTrouble = (error: Error) => {
  throw error;
};

async function serve(routes: ApiRoutes): Promise<ReturnType<typeof createAgentClient>> {
  server = createApiServer(socket, routes, noTrouble, systemClock);
  await server.start();
  return createAgentClient(socket);
}

describe("the agent's socket", () => {
  it('is for its owner only', async () => {
    await serve({});
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'run')).mode & 0o777).toBe(0o700);
  });

  it('hands path parts and body to the route and its answer back', async () => {
    const client = await serve({
      'POST /v1/archives/:name/verify': async ({ params, body }) => ({ params, body }),
    });
    const name = 'checkpoint-a_b-c-2026-01-01T00:00:00Z.tar';
    const path = `/v1/archives/${encodeURIComponent(name)}/verify`;
    expect(await client.json('POST', path, { deep: true })).toEqual({
      params: { name },
      body: { deep: true },
    });
  });

  it('sends progress a line at a time, and a failure in the middle as an error', async () => {
    const client = await serve({
      'POST /v1/work': async ({ send }) => {
        send({ step: 1 });
        throw new StillpointError({ code: 'disk-low', message: 'no room' });
      },
    });
    const seen: unknown[] = [];
    const read = async () => {
      for await (const line of client.lines('POST', '/v1/work', {})) seen.push(line);
    };
    await expect(read()).rejects.toMatchObject({ code: 'disk-low', message: 'no room' });
    expect(seen).toEqual([{ step: 1 }]);
  });

  it('lets those who wait give their last answer when it stops', async () => {
    const began = Promise.withResolvers<void>();
    const client = await serve({
      'POST /v1/work': async ({ send, stopping }) => {
        send({ step: 1 });
        began.resolve();
        await new Promise((resolve) => stopping.addEventListener('abort', resolve));
        return { kind: 'stopped' };
      },
    });
    const read = async () => {
      const seen: unknown[] = [];
      for await (const line of client.lines('POST', '/v1/work', {})) seen.push(line);
      return seen;
    };
    const reading = read();
    await began.promise;
    await server?.stop();
    server = undefined;
    expect(await reading).toEqual([{ step: 1 }, { kind: 'stopped' }]);
  });

  it('does not wait for those who do not end', async () => {
    const began = Promise.withResolvers<void>();
    const client = await serve({
      'POST /v1/work': () => {
        began.resolve();
        return new Promise(() => undefined);
      },
    });
    const call = expect(client.json('POST', '/v1/work', {})).rejects.toMatchObject({
      code: 'unreachable',
    });
    await began.promise;
    await server?.stop();
    server = undefined;
    await call;
  });

  it('passes an error on with its code and hint', async () => {
    const client = await serve({
      'GET /v1/status': async () => {
        throw new StillpointError({ code: 'forbidden', message: 'not you', hint: 'ask' });
      },
    });
    await expect(client.json('GET', '/v1/status')).rejects.toMatchObject({
      code: 'forbidden',
      hint: 'ask',
    });
  });

  it('has no route that was not given', async () => {
    const client = await serve({ 'GET /v1/status': async () => ({}) });
    for (const path of ['/v1/nothing', '/', '/v1/status/x']) {
      await expect(client.json('GET', path)).rejects.toMatchObject({ code: 'not-found' });
    }
    await expect(client.json('POST', '/v1/status')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('refuses a body that is too large', async () => {
    const client = await serve({ 'POST /v1/work': async () => ({}) });
    const call = client.json('POST', '/v1/work', { text: 'x'.repeat(100_000) });
    await expect(call).rejects.toMatchObject({ code: 'too-large' });
  });

  it('takes the place of a socket that a crash left behind', async () => {
    const stale = createServer().listen(join(directory, 'stale.sock'));
    await new Promise((resolve) => stale.once('listening', resolve));
    socket = join(directory, 'stale.sock');
    const { linkSync, unlinkSync } = await import('node:fs');
    linkSync(socket, `${socket}.kept`);
    await new Promise((resolve) => stale.close(resolve));
    linkSync(`${socket}.kept`, socket);
    unlinkSync(`${socket}.kept`);
    const client = await serve({ 'GET /v1/status': async () => ({ ok: true }) });
    expect(await client.json('GET', '/v1/status')).toEqual({ ok: true });
  });

  it('does not take the place of an agent that runs', async () => {
    await serve({});
    const second = createApiServer(socket, {}, noTrouble, systemClock);
    await expect(second.start()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('does not remove a file that is no socket', async () => {
    socket = join(directory, 'file');
    writeFileSync(socket, 'precious');
    await expect(createApiServer(socket, {}, noTrouble, systemClock).start()).rejects.toMatchObject(
      {
        code: 'not-writable',
      },
    );
    expect(statSync(socket).size).toBe(8);
  });

  it('says that its directory cannot be made', async () => {
    writeFileSync(join(directory, 'file'), '');
    socket = join(directory, 'file', 'agent.sock');
    const starting = createApiServer(socket, {}, noTrouble, systemClock).start();
    await expect(starting).rejects.toMatchObject({
      code: 'not-writable',
      message: expect.stringContaining(join(directory, 'file')),
    });
  });

  it('tells the command that no agent is there', async () => {
    const client = createAgentClient(join(directory, 'none.sock'));
    await expect(client.json('GET', '/v1/status')).rejects.toMatchObject({ code: 'unreachable' });
  });
});
