import { describe, expect, it } from '@jest/globals';
import {
  containerPart,
  expandCgroupsPath,
  isPodDirectory,
  parseProcCgroup,
} from '../../src/node/cgroup-paths.ts';
import { ID_A, ID_B } from './fake-tree.ts';

describe("a spec's cgroupsPath", () => {
  it.each([
    ['cgroupfs', `/kubepods/burstable/pod1/${ID_A}`, `/kubepods/burstable/pod1/${ID_A}`],
    [
      'systemd, each level of the slice',
      `kubepods-burstable-pod1_2.slice:cri-containerd:${ID_A}`,
      '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/' +
        `cri-containerd-${ID_A}.scope`,
    ],
    [
      'systemd, guaranteed',
      'kubepods-pod1.slice:crio:x',
      '/kubepods.slice/kubepods-pod1.slice/crio-x.scope',
    ],
    ['systemd, no slice', ':docker:x', '/system.slice/docker-x.scope'],
    ['systemd, no prefix', 'a.slice::x', '/a.slice/x.scope'],
    ['systemd, root slice', '-.slice:p:x', '/p-x.scope'],
    ['systemd, a unit that is a slice', 'a.slice:p:x.slice', '/a.slice/x.slice'],
  ])('%s', (_name, given, expected) => {
    expect(expandCgroupsPath(given)).toBe(expected);
  });

  it.each([
    ['leads out of the tree', '/kubepods/../../etc'],
    ['leads out by its id', 'a.slice:p:/../../x'],
    ['is the root', '/'],
    ['is empty', ''],
    ['has two parts', 'a.slice:x'],
    ['has no id', 'a.slice:p:'],
    ['has an empty slice level', 'a--b.slice:p:x'],
    ['has a slice that is none', 'a.scope:p:x'],
    ['holds a NUL', '/kube\0pods'],
    ['is endless', `/${'x/'.repeat(4000)}`],
  ])('is refused when it %s', (_name, given) => {
    expect(expandCgroupsPath(given)).toBeUndefined();
  });
});

describe('/proc/PID/cgroup', () => {
  it('gives the unified path on v2', () => {
    expect(parseProcCgroup('0::/kubepods/pod1/x\n').unified).toBe('/kubepods/pod1/x');
  });

  it('gives memory and freezer on v1, also mounted together with others', () => {
    const text = '9:name=systemd:/\n4:hugetlb,memory:/m/x\n6:freezer:/f/x\n0::/\nnonsense\n';
    expect(parseProcCgroup(text)).toEqual({ memory: '/m/x', freezer: '/f/x', unified: '/' });
  });

  it('keeps colons in a path', () => {
    expect(parseProcCgroup('0::/a/cri:x').unified).toBe('/a/cri:x');
  });
});

describe("the container's own part of a process path", () => {
  const scope = `cri-containerd-${ID_A}.scope`;
  it.each([
    ['ends at the name that the spec gives', `/k/${scope}/init.scope`, scope, `/k/${scope}`],
    ['ends at the first id', `/k/pod1/${ID_A}/nested/${ID_B}`, undefined, `/k/pod1/${ID_A}`],
    ['is the whole when no name holds an id', '/k/pod1/main', undefined, '/k/pod1/main'],
    ['is refused for another container', `/k/pod1/${ID_B}`, ID_A, undefined],
    ['is refused outside our namespace', `/../../pod1/${ID_A}`, ID_A, undefined],
    ['is refused for the root', '/', undefined, undefined],
  ])('%s', (_name, path, expected, result) => {
    expect(containerPart(path, expected)).toBe(result);
  });
});

describe("a pod's directory", () => {
  it.each([
    ['pod0f1e-22', true],
    ['kubepods-burstable-pod0f1e_22.slice', true],
    ['kubepods-pod0f1e_22.slice', true],
    ['kubepods', false],
    ['kubepods-burstable.slice', false],
    ['burstable', false],
  ])('%s: %s', (name, expected) => {
    expect(isPodDirectory(name)).toBe(expected);
  });
});
