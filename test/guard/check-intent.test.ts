import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { whyFrozenBefore, whyMisdirected } from '../../src/guard/check-intent.ts';
import type { PauseIntent } from '../../src/lease/index.ts';
import { createNodeProbe } from '../../src/node/index.ts';
import { type FakeTree, ID_A, makeFakeTree } from '../node/fake-tree.ts';

let tree: FakeTree;

afterEach(() => tree.dispose());

function given(
  version: 1 | 2,
  state: { freeze: string; frozen: 0 | 1 } = { freeze: '0', frozen: 0 },
) {
  tree = makeFakeTree(version);
  const path = version === 2 ? `pod1/${ID_A}` : `freezer/pod1/${ID_A}`;
  if (version === 1) tree.write(`${path}/freezer.state`, `${state.freeze}\n`);
  else {
    tree.write(`${path}/cgroup.freeze`, `${state.freeze}\n`);
    tree.write(`${path}/cgroup.events`, `populated 1\nfrozen ${state.frozen}\n`);
  }
  const tools = { cgroupRoot: tree.root, node: createNodeProbe({ root: tree.root }) };
  const intent: PauseIntent = {
    containerId: ID_A,
    via: 'freezer',
    cgroupVersion: version,
    freezerDirectory: join(tree.root, path),
  };
  return { tools, intent };
}

describe('an intent names the freezer of its container', () => {
  it.each([1, 2] as const)('on cgroup v%i', (version) => {
    const { tools, intent } = given(version);
    expect(whyMisdirected(intent, tools)).toBeUndefined();
  });

  it('or none at all, where the agent sees none', () => {
    const { intent } = given(2);
    const { freezerDirectory, ...rest } = intent;
    expect(whyMisdirected({ ...rest, via: 'task' }, { cgroupRoot: '/none' })).toBeUndefined();
  });

  it.each<[string, (root: string) => string, RegExp]>([
    ['the root', (root) => root, /is no directory below/],
    ['what lies outside', () => `/etc/${ID_A}`, /is no directory below/],
    ['a way out', (root) => `${root}/pod1/../../${ID_A}`, /is no directory below/],
    ['a way round', (root) => `${root}/pod1//${ID_A}`, /is no directory below/],
    ['the pod', (root) => join(root, 'pod1'), /does not name container a1a1/],
    ['a link', (root) => join(root, `link-${ID_A}`), /leads through a link/],
    ['below a link', (root) => join(root, `pods/${ID_A}`), /leads through a link/],
    ['a directory that is gone', (root) => join(root, `pod2/${ID_A}`), /ENOENT/],
    ['a directory without a freezer', (root) => join(root, `bare-${ID_A}`), /ENOENT/],
    ['a link for a freezer', (root) => join(root, `odd-${ID_A}`), /cgroup.freeze is no file/],
  ])('and not %s', (_, directoryIn, expected) => {
    const { tools, intent } = given(2);
    symlinkSync(join(tree.root, `pod1/${ID_A}`), join(tree.root, `link-${ID_A}`));
    symlinkSync(join(tree.root, 'pod1'), join(tree.root, 'pods'));
    mkdirSync(join(tree.root, `bare-${ID_A}`));
    mkdirSync(join(tree.root, `odd-${ID_A}`));
    symlinkSync('/etc/passwd', join(tree.root, `odd-${ID_A}`, 'cgroup.freeze'));
    const freezerDirectory = directoryIn(tree.root);
    expect(whyMisdirected({ ...intent, freezerDirectory }, tools)).toMatch(expected);
  });

  it('of the cgroup version that this node has', () => {
    const { tools, intent } = given(2);
    const wrong = whyMisdirected({ ...intent, cgroupVersion: 1 }, tools);
    expect(wrong).toBe('cgroup v1 is meant, this node has v2');
  });

  it('of a node that has cgroups', () => {
    const { intent, tools } = given(2);
    const blind = { ...tools, node: undefined };
    expect(whyMisdirected(intent, blind)).toMatch(/there is no cgroup tree at/);
  });
});

describe('what stands still before it is paused', () => {
  it.each([
    [2, '0', 0, undefined],
    [2, '1', 1, 'frozen'],
    [2, '1', 0, 'freezing'],
    [2, '0', 1, 'frozen'],
    [1, 'THAWED', 0, undefined],
    [1, 'FROZEN', 0, 'frozen'],
    [1, 'FREEZING', 0, 'freezing'],
  ] as const)('is not taken up: v%i %s %i', (version, freeze, frozen, expected) => {
    const { tools, intent } = given(version, { freeze, frozen });
    const why = expected && `container ${ID_A} is ${expected} before it was paused by us`;
    expect(whyFrozenBefore(intent, tools)).toBe(why);
  });
});
