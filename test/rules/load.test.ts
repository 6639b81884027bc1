import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseYaml, readYaml } from '../../src/base/index.ts';
import { ruleFingerprint, rulesFromDocuments } from '../../src/rules/index.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { rulesOf, START_MS } from './support/bench.ts';

const tempDir = useTempDirs();
const options = { nowMs: START_MS };

function rule(name: string, spec = 'when: { memory: { above: 85% } }, target: {}') {
  return `apiVersion: stillpoint.dev/v1alpha1\nkind: CheckpointRule\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
}

const policy = 'apiVersion: stillpoint.dev/v1alpha1\nkind: RetentionPolicy\nanything: goes\n';

describe('loading rules', () => {
  it('takes a directory in the order of files and documents, with their origin', async () => {
    const home = tempDir();
    writeFileSync(join(home, 'b.yaml'), rule('three'));
    writeFileSync(join(home, 'a.yaml'), `${rule('two')}---\n${rule('one')}`);
    const loaded = rulesFromDocuments(await readYaml(home), options);
    expect(loaded).toMatchObject({
      ok: true,
      rules: [
        { id: 'two', origin: { file: join(home, 'a.yaml'), line: 1 } },
        { id: 'one', origin: { line: 6 } },
        { id: 'three', origin: { file: join(home, 'b.yaml') } },
      ],
    });
  });

  it('hands documents of other kinds back as they are', () => {
    const loaded = rulesFromDocuments(parseYaml(`${policy}---\n${rule('a')}`, 'f'), options);
    expect(loaded).toMatchObject({
      ok: true,
      rules: [{ id: 'a' }],
      others: [{ kind: 'RetentionPolicy', value: { anything: 'goes' } }],
    });
  });

  it('loads nothing when one document is wrong', () => {
    const loaded = rulesFromDocuments(parseYaml(`${rule('a')}---\n${rule('B')}`, 'f'), options);
    expect(loaded).toMatchObject({ ok: false, mistakes: [{ path: 'metadata.name' }] });
    expect(loaded).not.toHaveProperty('rules');
  });

  it('takes one name in two namespaces for two rules', () => {
    const inNamespace = (namespace: string) =>
      rule('a').replace('name: a', `name: a, namespace: ${namespace}`);
    const text = [rule('a'), inNamespace('x'), inNamespace('y')].join('---\n');
    expect(rulesFromDocuments(parseYaml(text, 'f'), options)).toMatchObject({
      rules: [{ id: 'a' }, { id: 'x/a', namespace: 'x' }, { id: 'y/a', namespace: 'y' }],
    });
  });

  it('gives rules that nobody can change', () => {
    const [one] = rulesOf({ a: 'when: { event: { reason: BackOff } }\ntarget: {}' });
    expect(Object.isFrozen(one) && Object.isFrozen(one?.when) && Object.isFrozen(one?.target)).toBe(
      true,
    );
  });

  it('of an empty directory gives no rules and no mistake', async () => {
    expect(rulesFromDocuments(await readYaml(tempDir()), options)).toEqual({
      ok: true,
      rules: [],
      others: [],
      warnings: [],
    });
  });
});

describe('the fingerprint of a rule', () => {
  const print = (spec: string) => {
    const [one] = rulesOf({ a: spec });
    return one && ruleFingerprint(one);
  };
  const base = 'when: { event: { reason: BackOff, message: { glob: "a*" } } }\ntarget: {}';

  it('changes with what decides', () => {
    expect(print(base.replace('a*', 'b*'))).not.toBe(print(base));
    expect(print(base.replace('glob', 'contains'))).not.toBe(print(base));
    expect(print(base.replace('{}', '{ containers: [x] }'))).not.toBe(print(base));
  });

  it('stays with what does not', () => {
    expect(print(`${base}\ndescription: x\nmode: observe\nretain: { class: x }`)).toBe(print(base));
  });
});
