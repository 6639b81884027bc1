import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { assetPath } from '../../src/base/index.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { CONTROL, rowsOf, run, runWith } from './rig.ts';

const tempDir = useTempDirs();

const GOOD = `apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: leak }
spec: { when: { memory: { above: 85% } }, target: {}, retain: { class: crash } }
---
apiVersion: stillpoint.dev/v1alpha1
kind: RetentionPolicy
metadata: { name: three }
spec: { select: { classes: [crash] }, groupBy: [pod], keep: { last: 3 } }
`;
const BAD = GOOD.replace('above', 'abvoe').replace('keep: { last: 3 }', 'keep: { lst: 3 }');

function fileOf(text: string, name = 'rules.yaml'): string {
  const path = join(tempDir(), name);
  writeFileSync(path, text);
  return path;
}

describe('stillpoint rules check', () => {
  it('shows what good files hold', async () => {
    const path = fileOf(GOOD);
    const { code, out, err } = await run('rules', 'check', path);
    expect([code, err]).toEqual([0, '']);
    expect(rowsOf(out)).toEqual([
      ['RULE', 'KIND', 'MODE', 'CLASS'],
      ['leak', 'memory', 'enforce', 'crash'],
      [`${path}: ok: 1 rule, 1 retention policy`],
    ]);
  });

  it('takes files that are named together as one set, and each directory as one', async () => {
    const [one, two] = [fileOf(GOOD, 'one.yaml'), fileOf(GOOD, 'two.yaml')];
    const both = await run('rules', 'check', one, two);
    expect(both.code).toBe(2);
    expect(both.err).toContain(`${two}:3:19: metadata.name: a second rule is called leak`);
    expect(both.err).toContain(`${one}, ${two}: 3 mistakes`);
    const apart = await run('rules', 'check', dirname(one), dirname(two));
    expect(apart.code).toBe(0);
  });

  it('warns of policies as of rules', async () => {
    const { code, err } = await run('rules', 'check', fileOf(GOOD.replace('last: 3', '')));
    expect(code).toBe(0);
    expect(err).toContain('has neither keep nor limits, so it removes nothing');
  });

  it('warns of classes that only a rule or only a policy knows', async () => {
    const { code, err } = await run(
      ...['rules', 'check', fileOf(GOOD.replace('classes: [crash]', 'classes: [crsh, request]'))],
    );
    expect(code).toBe(0);
    expect(err).toContain('rules.yaml:4:72: spec.retain.class: no policy selects it');
    expect(err).toContain('rules.yaml:9:29: spec.select.classes[0]: no rule here has this class');
    expect(err).toContain('did you mean: crash');
    expect(err).not.toContain('classes[1]');
  });

  it('tells mistakes in the order of the file', async () => {
    const { out } = await run('rules', 'check', fileOf(BAD.replace('leak', 'Leak')), '-o', 'json');
    const lines = JSON.parse(out)[0].mistakes.map(({ line }: { line: number }) => line);
    expect(lines).toEqual([3, 4, 4, 9]);
    const wrong = `kind: CheckpointRul\n---\nkind: 3\n`.replace(/^/gm, '').trim();
    const texts = `apiVersion: stillpoint.dev/v1alpha1\n${wrong}`;
    const shown = await run('rules', 'check', fileOf(texts), '-o', 'json');
    expect(JSON.parse(shown.out)[0].mistakes[0]).toMatchObject({ line: 2, path: 'kind' });
  });

  it('names every mistake of all files with its place, and ends with 2', async () => {
    const bad = fileOf(BAD);
    const good = dirname(fileOf(GOOD));
    const { code, out, err } = await run('rules', 'check', bad, good);
    expect(code).toBe(2);
    expect(err).toContain(`${bad}:4:27: spec.when.memory.abvoe: this key is not known`);
    expect(err).toContain('did you mean: above');
    expect(err).toContain(`${bad}:9:63: spec.keep.lst: this key is not known`);
    expect(err).toContain(`${bad}: 3 mistakes; nothing of it would be loaded`);
    expect(out).toContain(`${good}: ok`);
  });

  it('is the same for machines', async () => {
    const bad = fileOf(BAD);
    const { code, out, err } = await run('rules', 'check', bad, '--output', 'json');
    expect([code, err]).toEqual([2, '']);
    expect(JSON.parse(out)).toMatchObject([
      {
        path: bad,
        ok: false,
        mistakes: [
          { file: bad, line: 4, column: 17, path: 'spec.when.memory.above' },
          { file: bad, line: 4, column: 27, suggestion: 'above' },
          { file: bad, line: 9, suggestion: 'last' },
        ],
      },
    ]);
    const good = await run('rules', 'check', fileOf(GOOD), '-o', 'yaml');
    expect(good.out).toContain('ok: true');
    expect(good.out).toContain('class: crash');
  });

  it('is content with the rules that people start from', async () => {
    const { code, out } = await run('rules', 'check', assetPath('rules'), assetPath('rules/demo'));
    expect(code).toBe(0);
    expect(out).not.toContain(' 0 rules');
  });

  it.each<[string, () => string, RegExp]>([
    ['is not there', () => join(tempDir(), 'none'), /none: .*(not exist|no such|ENOENT)/i],
    ['is empty', () => fileOf(''), /./],
    ['is no YAML', () => fileOf('a: [b'), /rules.yaml:1/],
  ])('says so when a file %s', async (_, path, expected) => {
    const { code, out, err } = await run('rules', 'check', path());
    expect(`${out}${err}`).toMatch(expected);
    expect([0, 2]).toContain(code);
  });

  it('says that a directory holds nothing', async () => {
    const path = join(tempDir(), 'empty');
    mkdirSync(path);
    const { code, out, err } = await run('rules', 'check', path);
    expect(code).toBe(0);
    expect(err).toContain(`${path}: holds no rule and no policy`);
    expect(out).toContain('0 rules');
  });

  it('makes control characters of a file visible', async () => {
    const { err } = await run('rules', 'check', fileOf(GOOD.replace('above', '"a\\u001b[2Jbove"')));
    expect(err).not.toMatch(CONTROL);
    const name = `evil\u001b[2J.yaml`;
    const { out } = await run('rules', 'check', fileOf(GOOD, name));
    expect(out).not.toMatch(CONTROL);
    expect(out).toContain('\\x1b[2J');
  });

  it('is coloured on a terminal only', async () => {
    const path = fileOf(GOOD);
    expect((await runWith({ color: true }, 'rules', 'check', path)).out).toContain('\u001b[32mok');
    expect((await run('rules', 'check', path)).out).not.toContain('\u001b');
  });
});
