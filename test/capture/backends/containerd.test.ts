import { describe, expect, it } from '@jest/globals';
import { askTasks, objectionTo } from '../../../src/capture/backends/containerd.ts';
import type { ContainerSetup, RuntimeVersion } from '../../../src/cri/index.ts';
import { createFakeContainerState } from '../../support/fake-container-state.ts';

const plain: ContainerSetup = {
  runtimeType: 'io.containerd.runc.v2',
  runtimeOptions: {},
  snapshotter: 'overlayfs',
  snapshotKey: 'a',
  hasUserNamespace: false,
};

describe('a container', () => {
  it.each<[string, ContainerSetup | undefined, RegExp | undefined]>([
    ['of runc is taken', plain, undefined],
    [
      'of runc by its path is taken',
      { ...plain, runtimeOptions: { binary_name: '/usr/sbin/runc', systemd_cgroup: true } },
      undefined,
    ],
    ['of crun is not', { ...plain, runtimeOptions: { BinaryName: '/usr/bin/crun' } }, /crun, not/],
    [
      'of a program that is no text is not',
      { ...plain, runtimeOptions: { binary_name: 7 } },
      /with 7/,
    ],
    ['in a virtual machine is not', { ...plain, runtimeType: 'io.containerd.kata.v2' }, /kata/],
    ['with its own users is not', { ...plain, hasUserNamespace: true }, /user namespace/],
    ['without a snapshot is not', { ...plain, snapshotKey: '' }, /snapshot/],
    ['of another runtime is not', undefined, /does not tell/],
  ])('%s', (_, setup, expected) => {
    const objection = objectionTo(setup);
    if (expected === undefined) expect(objection).toBeUndefined();
    else expect(objection).toMatch(expected);
  });
});

describe("containerd's own checkpoint", () => {
  const ask = (version: RuntimeVersion, task: 'gone' | 'unreachable' = 'gone') => {
    const fake = createFakeContainerState();
    fake.task = task;
    return askTasks({ ...fake.runtime, version: () => Promise.resolve(version) });
  };

  it.each<[string, Parameters<typeof ask>, string, RegExp]>([
    ['is there', [{ name: 'containerd', version: 'v2.4.2' }], 'available', /2.4.2 answers/],
    ['is not in an old release', [{ name: 'containerd', version: '1.7.27' }], 'absent', /2.0/],
    ['is not in CRI-O', [{ name: 'cri-o', version: '1.36.3' }], 'absent', /is cri-o/],
    [
      'is not where nobody answers for tasks',
      [{ name: 'containerd', version: '2.4.2' }, 'unreachable'],
      'absent',
      /unreachable/,
    ],
  ])('%s', async (_, given, kind, why) => {
    expect(await ask(...given)).toEqual({ kind, why: expect.stringMatching(why) });
  });
});
