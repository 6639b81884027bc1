import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { agentConfigSchema } from '../../src/agent/config-schema.ts';
import { readText } from './source-tree.ts';

const page = readText('docs/configuration.md');

/** Maps whose keys have a section of their own. */
const ONE_ROW = ['alerts.cloudevents.fields'];

/** `kubelet.tls.pin` and every other key that holds a value. */
function keysOf(schema: z.core.$ZodType, path: readonly string[] = []): string[] {
  let inner = schema;
  while ('innerType' in inner._zod.def) inner = inner._zod.def.innerType as z.core.$ZodType;
  if (ONE_ROW.includes(path.join('.')) || !(inner instanceof z.ZodObject)) return [path.join('.')];
  return Object.entries(inner.shape).flatMap(([key, child]) => keysOf(child, [...path, key]));
}

/** The keys of the page's table with the defaults that it gives. */
function told(): Map<string, string> {
  const rows = [...page.matchAll(/^\| `([\w.]+)` +\| (?:`(.*?)`)? *\|/gm)];
  return new Map(rows.map(([, key = '', given = '']) => [key, given]));
}

describe('the page on configuration', () => {
  it('tells every key of the schema and no other', () => {
    const keys = keysOf(agentConfigSchema).filter(
      (key) => !['apiVersion', 'kind', 'metadata'].includes(key),
    );
    expect(keys.length).toBeGreaterThan(30);
    expect([...told().keys()].sort()).toEqual(keys.sort());
  });

  it('tells the defaults as they are', () => {
    const head = 'apiVersion: stillpoint.dev/v1alpha1\nkind: AgentConfig\n';
    const config = parseAgentConfig(`${head}nats: { servers: [x] }\n`, 'f');
    const wrong = [...told()].flatMap(([key, given]) => {
      const value = key
        .split('.')
        .reduce<unknown>(
          (part, name) => (part as Record<string, unknown> | undefined)?.[name],
          config,
        );
      const isGiven = key === 'nats.servers' || value === undefined;
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return given === (isGiven ? '' : text) ? [] : [`${key}: ${given}, but it is ${text}`];
    });
    expect(wrong).toEqual([]);
  });

  it('shows a configuration that loads', () => {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    expect(parseAgentConfig(yaml, 'f').node).toBe('node1');
  });
});
