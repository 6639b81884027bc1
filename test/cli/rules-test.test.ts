import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { assetPath } from '../../src/base/index.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { run } from './rig.ts';

const tempDir = useTempDirs();

const RULES = `apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: live }
spec: { when: { event: { reason: Unhealthy, atLeast: 2, within: 1m } }, target: { namespaces: [shop] } }
---
apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: watch }
spec: { mode: observe, when: { event: { reason: Killing } }, target: {} }
`;
const HEAD = `apiVersion: stillpoint.dev/v1alpha1
kind: RuleTest
pods: [shop/cart, kube-system/dns]
tests:
`;
const TWICE = `  - name: fires at the second
    steps:
      - { at: 1s, event: { of: shop/cart/app, reason: Unhealthy }, expect: [{ rule: live, reason: window-open }] }
      - { at: 2s, event: { of: shop/cart/app, reason: Unhealthy }, expect: [live shop/cart/app] }
`;

/** A directory with rules and one test file. */
function directoryOf(tests: string, name = 'live.test.yaml'): string {
  const path = tempDir();
  writeFileSync(join(path, 'live.yaml'), RULES);
  writeFileSync(join(path, name), tests);
  return path;
}

describe('stillpoint rules test', () => {
  it('passes for the rules that people start from', async () => {
    const { code, out, err } = await run('rules', 'test', assetPath('rules'));
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/\d+ tests: all pass\n$/);
    expect(out).not.toContain('FAIL');
  });

  it.each(['live.test.yaml', 'live_test.yaml', 'live_test.yml'])(
    'finds %s in a directory, and the rules beside it',
    async (name) => {
      const path = directoryOf(HEAD + TWICE, name);
      if (name.endsWith('.yml')) writeFileSync(join(path, 'live.yml'), RULES);
      const { code, out } = await run('rules', 'test', path);
      expect(out).toBe(`${join(path, name)}\n  ok   fires at the second\n1 test: all pass\n`);
      expect(code).toBe(0);
    },
  );

  it('is not read as rules: check and agent see only the rules', async () => {
    const { code, out } = await run('rules', 'check', directoryOf(HEAD + TWICE));
    expect(code).toBe(0);
    expect(out).toContain('ok: 2 rules');
  });

  it.each<[string, string, string, string]>([
    [
      'a firing that does not come',
      '{ at: 1s, event: { of: shop/cart, reason: Unhealthy }, expect: [live] }',
      ':7:73: tests[0].steps[0].expect[0]: expected live fired',
      'got: live window-open shop/cart/app at 1s (1 of 2 within 1m)',
    ],
    [
      'a firing that nobody expects',
      '{ at: 1s, event: { of: shop/cart, reason: Unhealthy, count: 2 } }',
      ':7:15: tests[0].steps[0].at: not expected: live fired shop/cart/app at 1s (2 of 2 within 1m)',
      '',
    ],
    [
      'what is only observed and nobody expects',
      '{ at: 1s, event: { of: shop/cart, reason: Killing } }',
      'not expected: watch observed shop/cart/app at 1s',
      '',
    ],
    [
      'another reason',
      '{ at: 1s, event: { of: kube-system/dns, reason: Killing }, expect: [{ rule: watch, reason: observed }] }',
      'expected watch observed',
      'got: watch denied kube-system/dns/app at 1s (namespace kube-system)',
    ],
    [
      'another target',
      '{ at: 1s, event: { of: shop/cart, reason: Unhealthy, count: 2 }, expect: [live shop/car] }',
      'expected live fired shop/car',
      'got: live fired shop/cart/app',
    ],
    [
      'a pod that is not there',
      '{ at: 1s, event: { of: shop/crt, reason: Unhealthy } }',
      'there is no pod shop/crt at this time (there are: shop/cart, kube-system/dns)',
      '',
    ],
  ])('shows %s with its place', async (_, step, message, got) => {
    const path = directoryOf(`${HEAD}  - name: x\n    steps:\n      - ${step}\n`);
    const { code, out } = await run('rules', 'test', path);
    expect(code).toBe(1);
    expect(out).toContain('  FAIL x\n');
    expect(out).toContain(message);
    expect(out).toContain(got);
    expect(out).toContain('1 test: 1 failed');
  });

  it('is the same for machines', async () => {
    const step = '{ at: 1s, event: { of: shop/cart, reason: Unhealthy }, expect: [live] }';
    const path = directoryOf(`${HEAD}${TWICE}  - name: x\n    steps:\n      - ${step}\n`);
    const { code, out } = await run('rules', 'test', path, '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      {
        file: join(path, 'live.test.yaml'),
        tests: [
          { name: 'fires at the second', ok: true, failures: [] },
          {
            name: 'x',
            ok: false,
            failures: [
              {
                line: 11,
                path: 'tests[1].steps[0].expect[0]',
                message: 'expected live fired',
                got: ['live window-open shop/cart/app at 1s (1 of 2 within 1m)'],
              },
            ],
          },
        ],
        mistakes: [],
      },
    ]);
  });

  it.each<[string, string, string]>([
    ['a key that is not known', HEAD + TWICE.replace('expect', 'expct'), 'did you mean: expect'],
    [
      'two signals in one step',
      `${HEAD}  - { name: x, steps: [{ at: 1s, gone: shop/cart, crash: shop/cart }] }\n`,
      'must hold only one signal, but holds gone and crash',
    ],
    [
      'rules that are not there',
      `${HEAD.replace('pods:', 'rules: [none.yaml]\npods:')}${TWICE}`,
      'none.yaml: does not exist',
    ],
    [
      'a deletion by nobody that a rule can ask for',
      `${HEAD}  - { name: x, steps: [{ at: 1s, delete: { of: shop/cart, cause: Evicted } }] }\n`,
      'allowed: drain, taint, preemption, delete',
    ],
    ['a rule instead of a test', RULES, 'is not a kind that is read here'],
    ['nothing', '', 'holds no document of kind RuleTest'],
  ])('ends with 2 for %s', async (_, text, message) => {
    const { code, err } = await run('rules', 'test', directoryOf(text));
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  it('ends with 2 where there is no test at all', async () => {
    const { code, err } = await run('rules', 'test', tempDir());
    expect([code, err]).toEqual([2, expect.stringContaining('holds no test')]);
  });
});

describe('the page on the tools for rules', () => {
  it('shows a test that passes', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/rule-tools.md'), 'utf8');
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const path = tempDir();
    copyFileSync(join(assetPath('rules'), 'memory.yaml'), join(path, 'memory.yaml'));
    writeFileSync(join(path, 'memory.test.yaml'), yaml);
    const { code, out } = await run('rules', 'test', path);
    expect([code, out]).toEqual([0, expect.stringContaining('2 tests: all pass')]);
  });
});
