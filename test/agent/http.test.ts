import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { AgentConfig } from '../../src/agent/config-schema.ts';
import { createHttp } from '../../src/agent/http.ts';
import type { HttpServer } from '../../src/agent/http-server.ts';
import { silentLogger } from '../../src/base/index.ts';
import { createMetrics } from '../../src/outputs/index.ts';
import type { Signal } from '../../src/signal/index.ts';
import { createWebhookAlertsSource } from '../../src/sources/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { falcoAlert } from '../support/falco-alert.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const TOKEN = 'a-token-of-24-characters';
let server: HttpServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

function tokenFile(text: string): string {
  const path = join(tempDir(), 'token');
  writeFileSync(path, text);
  return path;
}

async function serve(
  config: Partial<AgentConfig['http']>,
  whyNotReady: () => string | undefined = () => undefined,
) {
  const clock = createFakeClock();
  const signals: Signal[] = [];
  const common = { clock, log: silentLogger };
  const webhook = createWebhookAlertsSource({
    ...common,
    emit: (signal) => signals.push(signal),
    onStatus: () => undefined,
  });
  await webhook.start();
  server = createHttp({
    ...common,
    config: { address: '127.0.0.1', port: 0, ...config },
    whyNotReady,
    metrics: await createMetrics('1.2.3'),
    webhook,
  });
  const { address, port } = await server.start();
  const ask = (path: string, init?: RequestInit) => fetch(`http://${address}:${port}${path}`, init);
  return { ask, signals };
}

function post(body: string, token = TOKEN): RequestInit {
  return { method: 'POST', body, headers: { authorization: `Bearer ${token}` } };
}

describe("the agent's HTTP address", () => {
  it('shows metrics to anybody, unless a token guards them', async () => {
    const open = await serve({});
    expect(await (await open.ask('/metrics')).text()).toContain('version="1.2.3"');
    await server?.stop();
    const guarded = await serve({ metricsTokenFile: tokenFile(`${TOKEN}\n`) });
    expect((await guarded.ask('/metrics')).status).toBe(401);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await guarded.ask('/metrics', { headers })).status).toBe(200);
  });

  it('takes no alert at all without a token of its own', async () => {
    const { ask, signals } = await serve({});
    expect((await ask('/alerts/falco', post(JSON.stringify(falcoAlert())))).status).toBe(404);
    expect(signals).toEqual([]);
  });

  it('takes an alert with the token, and says what is wrong with others', async () => {
    const { ask, signals } = await serve({ alertsTokenFile: tokenFile(` ${TOKEN}\n`) });
    const alert = JSON.stringify(falcoAlert());
    expect((await ask('/alerts/falco', post(alert))).status).toBe(202);
    expect((await ask('/alerts/falco', post(alert, 'a-wrong-token-of-24-char'))).status).toBe(401);
    expect((await ask('/alerts/falco', post('{"not json'))).status).toBe(400);
    expect((await ask('/alerts/falco', post('[1, 2]'))).status).toBe(422);
    const large = await ask('/alerts/falco', post('x'.repeat(2_000_000)));
    expect(large.status).toBe(413);
    expect(signals).toMatchObject([{ kind: 'alert', door: 'webhook' }]);
  });

  it('reads a body by the shape that its path names', async () => {
    const { ask, signals } = await serve({ alertsTokenFile: tokenFile(TOKEN) });
    const labels = { alertname: 'High', severity: 'critical', namespace: 'shop', pod: 'cart' };
    const group = JSON.stringify({ alerts: [{ status: 'firing', labels }, { labels }, {}] });
    const reply = await ask('/alerts/alertmanager', post(group));
    expect([reply.status, await reply.text()]).toEqual([202, 'taken 2 of 3\n']);
    const event = post('{"pod": "cart", "namespace": "shop"}');
    const attributes = { specversion: '1.0', id: '1', source: '/s', type: 't' };
    const headers = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]);
    const binary = {
      ...event,
      headers: {
        ...event.headers,
        ...Object.fromEntries(headers),
        'content-type': 'application/json',
      },
    };
    expect((await ask('/alerts/cloudevents', binary)).status).toBe(202);
    expect((await ask('/alerts/cloudevents', event)).status).toBe(422);
    expect((await ask('/alerts/json/nobody', event)).status).toBe(404);
    const hints = { namespace: 'shop', pod: 'cart' };
    expect(signals).toMatchObject([
      { shape: 'alertmanager', fields: { status: 'firing' }, hints },
      { shape: 'alertmanager', hints },
      { shape: 'cloudevents', fields: { type: 't', 'data.pod': 'cart' }, hints },
    ]);
  });

  it('takes a token that was replaced from then on, and none while there is none', async () => {
    const path = tokenFile(TOKEN);
    const { ask } = await serve({ alertsTokenFile: path });
    const alert = JSON.stringify(falcoAlert());
    const statusWith = async (token: string) =>
      (await ask('/alerts/falco', post(alert, token))).status;
    const next = 'another-token-of-30-characters';
    writeFileSync(path, next);
    expect([await statusWith(TOKEN), await statusWith(next)]).toEqual([401, 202]);
    rmSync(path);
    expect([await statusWith(TOKEN), await statusWith(next)]).toEqual([503, 503]);
    writeFileSync(path, TOKEN);
    expect(await statusWith(TOKEN)).toBe(202);
  });

  it('is not ready until the agent says so', async () => {
    let why: string | undefined = 'pods-not-known';
    const { ask } = await serve({}, () => why);
    expect((await ask('/readyz')).status).toBe(503);
    expect((await ask('/healthz')).status).toBe(200);
    why = undefined;
    expect((await ask('/readyz')).status).toBe(200);
  });

  it.each([
    ['that is not there', () => join(tempDir(), 'none'), /http.alertsTokenFile: .*none/],
    ['that is empty', () => tokenFile('\n'), /0 characters/],
    ['that could be guessed', () => tokenFile('secret'), /6 characters/],
  ])('is refused with a token file %s', async (_, path, message) => {
    const starting = serve({ alertsTokenFile: path() });
    await expect(starting).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringMatching(message),
    });
  });
});
