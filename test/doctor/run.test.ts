import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { StillpointError } from '../../src/base/index.ts';
import { type Check, defineCheck } from '../../src/doctor/check.ts';
import { agentRights } from '../../src/doctor/checks/rights.ts';
import { checks } from '../../src/doctor/checks.ts';
import { fail, type Line, ok, skipped, warn } from '../../src/doctor/line.ts';
import type { Outside } from '../../src/doctor/outside.ts';
import { exitCodeOf, withLines } from '../../src/doctor/report.ts';
import { runChecks } from '../../src/doctor/run.ts';
import { verdict } from '../../src/doctor/verdict.ts';
import { listFiles, readText, repositoryRoot } from '../structure/source-tree.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const nobody = {} as Outside;
const good = defineCheck(
  'good',
  () => 1,
  () => [ok('fine')],
);

function throwing(name: string, error: unknown): Check {
  return defineCheck(
    name,
    () => Promise.reject(error),
    () => [],
  );
}

describe('checks that run side by side', () => {
  it('one that hangs fails alone, when its time is up', async () => {
    const clock = createFakeClock();
    let given: AbortSignal | undefined;
    const hanging = defineCheck(
      'hanging',
      (_, signal) => {
        given = signal;
        return new Promise<never>(() => undefined);
      },
      () => [],
    );
    const running = runChecks([hanging, good], nobody, clock);
    await clock.advance(hanging.timeLimitMs);
    expect(await running).toMatchObject([
      { check: 'hanging', state: 'fail', code: 'no-answer', what: 'no answer within 12 s' },
      { check: 'good', state: 'ok' },
    ]);
    expect(given?.aborted).toBe(true);
    expect(clock.waiting()).toBe(0);
  });

  it('one that throws fails alone, with its own words', async () => {
    const error = new StillpointError({ code: 'io', message: 'disk gone', hint: 'Look.' });
    const bug = new TypeError('x is undefined');
    const all = [throwing('a', error), good, throwing('b', bug)];
    expect(await runChecks(all, nobody, createFakeClock())).toEqual([
      { check: 'a', state: 'fail', code: 'io', what: 'disk gone', next: 'Look.' },
      { check: 'good', state: 'ok', code: 'ok', what: 'fine' },
      {
        check: 'b',
        state: 'fail',
        code: 'internal',
        what: 'x is undefined',
        next: expect.stringContaining('report'),
      },
    ]);
  });

  it('have names of their own', () => {
    const names = checks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(15);
  });
});

describe('the verdict', () => {
  const line = (check: string, finding: Omit<Line, 'check'>): Line => ({ check, ...finding });
  const broken = (check: string) => line(check, fail('broken', 'it is', 'mend it'));
  it.each<[string, Line[], string, RegExp]>([
    ['all is well', [line('kubelet', ok('x'))], 'ok', /through containerd, cri and kubelet$/],
    [
      'the kubelet is off',
      [broken('kubelet')],
      'not-whole',
      /through containerd and cri, but Stillpoint/,
    ],
    [
      'the right is missing on purpose',
      [line('kubelet', warn('forbidden', 'x', 'y'))],
      'ok',
      /through containerd and cri$/,
    ],
    [
      'the runtime is not containerd',
      [line('tasks', skipped('no-tasks', 'the runtime is cri-o'))],
      'ok',
      /through cri and kubelet$/,
    ],
    ['CRIU is missing', [broken('criu')], 'cannot-capture', /captured: criu$/],
    [
      'the runtime and the disk are bad',
      [broken('runtime'), broken('disks')],
      'cannot-capture',
      /runtime, disks$/,
    ],
    [
      'CRIU is not proven',
      [line('criu', warn('not-proven', 'x', 'y'))],
      'not-proven',
      /if CRIU works$/,
    ],
    [
      'the API server is away',
      [broken('api-server')],
      'not-whole',
      /does not work as it should: api-server$/,
    ],
    ['no canary could be made', [broken('canary')], 'ok', /through containerd, cri and kubelet$/],
    [
      'the canary failed one way',
      [broken('canary-cri')],
      'not-whole',
      /through containerd and kubelet, but/,
    ],
  ])('when %s', (_, lines, code, what) => {
    expect(verdict(lines)).toMatchObject({ code, what: expect.stringMatching(what) });
  });

  it('is given anew when lines are added, and only once', () => {
    const first = withLines({ node: 'n', version: '1', lines: [] }, []);
    const { lines } = withLines(first, [broken('criu')]);
    expect(lines.map(({ check, code }) => `${check} ${code}`)).toEqual([
      'criu broken',
      'verdict cannot-capture',
    ]);
    expect(exitCodeOf([first])).toBe(0);
    expect(exitCodeOf([first, { lines }])).toBe(1);
  });
});

describe('the rights that are asked for', () => {
  interface Role {
    kind: string;
    rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  }

  it('are among those that the install gives', () => {
    const files = ['base/rights.yaml', 'components/kubelet-checkpoint/rights.yaml'];
    const roles = files
      .map((file) => readFileSync(join(repositoryRoot, 'deploy', file), 'utf8'))
      .flatMap((text) => parseAllDocuments(text).map((each) => parse(String(each)) as Role))
      .filter(({ kind }) => kind === 'ClusterRole');
    const granted = roles.flatMap(({ rules = [] }) => rules);
    const missing = agentRights.filter(({ group, resource, subresource, verb }) => {
      const name = subresource === undefined ? resource : `${resource}/${subresource}`;
      return !granted.some(
        ({ apiGroups, resources, verbs }) =>
          apiGroups.includes(group) && resources.includes(name) && verbs.includes(verb),
      );
    });
    expect(missing).toEqual([]);
  });
});

describe('docs/doctor.md', () => {
  const text = readText('docs/doctor.md');

  it('has each check and each code that a check writes itself', () => {
    const files = ['src/doctor/checks', 'src/doctor/canary'].flatMap((dir) =>
      listFiles(dir, '.ts'),
    );
    const codes = files.flatMap((file) =>
      [...readText(file).matchAll(/\b(?:fail|warn)\(\s*'([a-z-]+)'/g)].map(
        (found) => found[1] ?? '',
      ),
    );
    expect(codes.length).toBeGreaterThan(60);
    const names = [...checks.map(({ name }) => name), ...codes];
    expect([...new Set(names)].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});
