import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { formatMistake, readYaml } from '../../src/base/index.ts';
import { policiesFromDocuments } from '../../src/retention/index.ts';
import { rulesFromDocuments } from '../../src/rules/index.ts';

const examples = join(import.meta.dirname, '../../rules');
const nowMs = Date.UTC(2026, 0, 1);

describe('the examples in rules/', () => {
  it('load without a mistake or a warning', async () => {
    const loaded = rulesFromDocuments(await readYaml(examples), { nowMs });
    const told = loaded.ok ? loaded.warnings : loaded.mistakes;
    expect(told.map(formatMistake)).toEqual([]);
  });

  it('show each kind of condition, and policies for their classes', async () => {
    const loaded = rulesFromDocuments(await readYaml(examples), { nowMs });
    if (!loaded.ok) throw new Error('the examples do not load');
    const kinds = new Set(loaded.rules.map(({ when }) => when.kind));
    expect([...kinds].sort()).toEqual([
      'alert',
      'crashLoop',
      'event',
      'memory',
      'nodeMemory',
      'probe',
      'request',
      'schedule',
      'sequence',
      'terminating',
    ]);
    expect(new Set(loaded.others.map(({ kind }) => kind))).toEqual(new Set(['RetentionPolicy']));
  });

  it('have policies that retention takes', async () => {
    const loaded = rulesFromDocuments(await readYaml(examples), { nowMs });
    if (!loaded.ok) throw new Error('the examples do not load');
    const policies = policiesFromDocuments(loaded.others);
    const told = policies.ok ? policies.warnings : policies.mistakes;
    expect(told.map(formatMistake)).toEqual([]);
  });

  it('have each a test beside it, and say at their top what they do', () => {
    const files = readdirSync(examples).filter((name) => /(?<!\.test)\.yaml$/.test(name));
    const ofRules = files.filter((name) => name !== 'retention.yaml');
    const untested = ofRules.filter(
      (name) => !existsSync(join(examples, name.replace('.yaml', '.test.yaml'))),
    );
    expect(untested).toEqual([]);
    const silent = files.filter((name) => {
      return !readFileSync(join(examples, name), 'utf8').startsWith('# ');
    });
    expect(silent).toEqual([]);
    expect(ofRules.length).toBeGreaterThan(8);
  });

  it('reach only pods that opted in', async () => {
    const loaded = rulesFromDocuments(await readYaml(examples), { nowMs });
    if (!loaded.ok) throw new Error('the examples do not load');
    for (const rule of loaded.rules) {
      expect(rule.target.matchLabels).toMatchObject({ 'stillpoint.dev/enabled': 'true' });
    }
  });
});
