import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, it } from '@jest/globals';
import { importsOf, listFiles, readText } from './source-tree.ts';

/** Left to right: a folder may import those before it. */
const STREET = [
  'signal',
  'sources',
  'rules',
  'dispatch',
  'capture',
  'archive',
  'retention',
  'outputs',
];
const CLIENTS = ['kube', 'cri', 'lease', 'nats', 'node', 'store'];
const JOINING = ['agent', 'doctor', 'guard', 'gateway', 'cli', 'console', 'sim'];

/** Why `from` may not import `to`, both folders of src/; undefined when it may. */
function whyForbidden(from: string, to: string): string | undefined {
  if (from === to || to === 'base') return undefined;
  if (from === 'base') return 'base imports no other folder';
  if (CLIENTS.includes(from)) return 'a client imports only base';
  if (JOINING.includes(from)) return undefined;
  if (JOINING.includes(to)) return 'the street does not know who joins it';
  if (from === 'rules' && to !== 'signal') return 'rules imports only signal and base';
  if (CLIENTS.includes(to)) return from === 'signal' ? 'signal is plain data' : undefined;
  return STREET.indexOf(to) < STREET.indexOf(from) ? undefined : 'imports go left on the street';
}

/** Pure parts of folders that may do more elsewhere. */
const PURE_FILES = ['src/retention/plan.ts'];

function violationsIn(path: string, text: string): string[] {
  const from = path.split('/')[1] ?? '';
  return importsOf(text).flatMap((specifier) => {
    if (!specifier.startsWith('.')) return [];
    const target = normalize(join(dirname(path), specifier));
    const to = target.split('/')[1] ?? '';
    if (!target.startsWith('src/')) return [`${path}: imports ${specifier}, which is outside src`];
    const why = whyForbidden(from, to);
    if (why) return [`${path}: imports ${to}: ${why}`];
    if (from !== to && target !== `src/${to}/index.ts` && !isPartIndex(target)) {
      return [`${path}: imports ${target}: other folders are entered by their index.ts`];
    }
    if (PURE_FILES.includes(path) && !['signal', 'base', from].includes(to)) {
      return [`${path}: imports ${to}: it is pure, only signal and base`];
    }
    return [];
  });
}

/** A part of a folder with an entry of its own, such as src/sources/memory/index.ts. */
function isPartIndex(target: string): boolean {
  return /^src\/[a-z]+\/[a-z-]+\/index\.ts$/.test(target);
}

describe('the one-way street', () => {
  const files = listFiles('src', '.ts');

  it('has imports that go only left, to clients, or to base', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap((path) => violationsIn(path, readText(path)))).toEqual([]);
  });

  it.each([
    ['src/rules/step.ts', "import { x } from '../capture/index.ts';"],
    ['src/rules/step.ts', "import { x } from '../store/index.ts';"],
    ['src/dispatch/queue.ts', "import type { X } from '../archive/index.ts';"],
    ['src/kube/watch.ts', "import { x } from '../signal/index.ts';"],
    ['src/base/clock.ts', "import { x } from '../signal/index.ts';"],
    ['src/capture/guard.ts', "const { x } = await import('../agent/app.ts');"],
    ['src/capture/guard.ts', "import { x } from '../rules/deny.ts';"],
    ['src/retention/plan.ts', "import { x } from '../archive/index.ts';"],
  ])('catches %s with %s', (path, text) => {
    expect(violationsIn(path, text)).toHaveLength(1);
  });

  it('has an index.ts with a paragraph in each folder of the street and each client', () => {
    for (const folder of [...STREET, ...CLIENTS, 'base']) {
      const text = readText(`src/${folder}/index.ts`);
      expect(text).toMatch(/^\/\*\*\n \* [a-z]+: /);
    }
  });
});
