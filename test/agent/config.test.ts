import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { alertMaps, alertSubjects } from '../../src/agent/alerts-config.ts';
import { loadAgentConfig, parseAgentConfig } from '../../src/agent/config.ts';
import { isStillpointError } from '../../src/base/index.ts';

const HEAD = 'apiVersion: stillpoint.dev/v1alpha1\nkind: AgentConfig\n';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stillpoint-config-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function mistakesOf(text: string): Promise<string> {
  const path = join(directory, 'stillpoint.yaml');
  writeFileSync(path, text);
  try {
    await loadAgentConfig({ config: path }, {});
  } catch (error) {
    if (isStillpointError(error, 'bad-config')) return error.message.replaceAll(directory, '');
    throw error;
  }
  throw new Error('was accepted');
}

describe('the configuration of the agent', () => {
  it('has a default for every key', async () => {
    const config = await loadAgentConfig({}, { NODE_NAME: 'node1' });
    expect(config).toMatchObject({
      node: 'node1',
      checkpointsDir: '/var/lib/kubelet/checkpoints',
      limits: { capturesPerHour: 6, waiting: 32 },
      kubelet: { through: 'direct', tls: {} },
    });
    expect(config.nats).toBeUndefined();
  });

  it('takes flags over the file over the environment', async () => {
    const path = join(directory, 'stillpoint.yaml');
    writeFileSync(path, `${HEAD}node: from-file\nrulesDir: /from-file\n`);
    const env = { NODE_NAME: 'from-env', STILLPOINT_CONFIG: path };
    expect(await loadAgentConfig({ rules: '/from-flag' }, env)).toMatchObject({
      node: 'from-file',
      rulesDir: '/from-flag',
    });
    expect((await loadAgentConfig({ node: 'from-flag' }, env)).node).toBe('from-flag');
  });

  it('cannot be changed once loaded', async () => {
    const config = await loadAgentConfig({}, {});
    expect(() => {
      (config.limits as { capturesPerHour: number }).capturesPerHour = 7;
    }).toThrow(TypeError);
  });

  it('is refused with all mistakes, their places, and the nearest right key', async () => {
    const text = `${HEAD}chekpointsDir: /x\nlimits:\n  capturesPerHour: 0\nrulesDir: rules\n`;
    const message = await mistakesOf(text);
    expect(message).toContain('/stillpoint.yaml:3:1');
    expect(message).toContain('checkpointsDir');
    expect(message).toContain('/stillpoint.yaml:5:20');
    expect(message).toContain('/stillpoint.yaml:6:11');
  });

  it.each([
    ['two documents', `${HEAD}---\n${HEAD}`, 'exactly one document'],
    ['another kind', 'apiVersion: stillpoint.dev/v1alpha1\nkind: AgentConfg\n', 'AgentConfig'],
    ['a kubelet address without TLS', `${HEAD}kubelet: {address: "http://x:10255"}\n`, 'https://'],
    ['an unknown way to the kubelet', `${HEAD}kubelet: {through: proxy}\n`, 'api-server'],
    [
      'a subject whose shape has no map',
      `${HEAD}nats: {servers: [n], subjects: [{subject: a, shape: json/b}]}\n`,
      'json/b',
    ],
    [
      'an unknown shape',
      `${HEAD}nats: {servers: [n], subjects: [{subject: a, shape: b}]}\n`,
      'falco',
    ],
    ['a map that finds no target', `${HEAD}alerts: {json: {a: {fields: {id: x}}}}\n`, 'no target'],
    ['a name that no path can hold', `${HEAD}alerts: {json: {A/b: {fields: {pod: x}}}}\n`, 'A/b'],
    [
      'a path of too many parts',
      `${HEAD}alerts: {json: {a: {fields: {pod: a.b.c.d.e.f.g.h.i.j.k}}}}\n`,
      '10 parts',
    ],
  ])('refuses %s', async (_, text, expected) => {
    expect(await mistakesOf(text)).toContain(expected);
  });

  it('names a file that does not exist', async () => {
    const loading = loadAgentConfig({ config: join(directory, 'none.yaml') }, {});
    await expect(loading).rejects.toMatchObject({ code: 'bad-config' });
  });

  it('gives each subject its shape, and each sender its map', () => {
    const { nats, alerts } = parseAgentConfig(
      `${HEAD}nats: {servers: [n], subjects: ["f.>", {subject: w, shape: json/w}]}\n` +
        'alerts: {json: {w: {fields: {pod: [a.b, c]}}}, cloudevents: {fields: {severity: x}}}\n',
      'x',
    );
    expect(alertSubjects(nats?.subjects ?? [])).toEqual([
      { subject: 'f.>', shape: 'falco' },
      { subject: 'w', shape: 'json/w' },
    ]);
    expect(alertMaps(alerts)).toEqual({
      cloudevents: { severity: 'x' },
      json: { w: { pod: ['a.b', 'c'] } },
    });
  });

  it('is read from a text in the same way', () => {
    expect(parseAgentConfig(`${HEAD}nats: {servers: ["nats://n:4222"]}\n`, 'x').nats).toMatchObject(
      {
        subjects: ['falco.>'],
        outcomes: true,
      },
    );
  });
});
