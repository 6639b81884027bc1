import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { isStillpointError } from '../../src/base/index.ts';
import { type ContainerCgroup, openCgroups } from '../../src/node/index.ts';
import { type FakeTree, ID_A, ID_B, makeFakeTree } from './fake-tree.ts';

const trees: FakeTree[] = [];
function tree(version: 1 | 2): FakeTree {
  const made = makeFakeTree(version);
  trees.push(made);
  return made;
}
afterEach(() => {
  for (const made of trees.splice(0)) made.dispose();
});

const MIB = 2 ** 20;

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return isStillpointError(error) ? error.code : 'foreign';
  }
}

function located(fake: FakeTree, hints: { pid?: number; cgroupsPath?: string }): ContainerCgroup {
  const cgroup = openCgroups(fake).locate(hints);
  if (!cgroup) throw new Error('not located');
  return cgroup;
}

const short = (fake: FakeTree, cgroup: ContainerCgroup) =>
  cgroup.memoryLevels.map(
    ({ level, directory }) => `${level} ${directory.slice(fake.root.length)}`,
  );

describe('a machine without cgroups', () => {
  it('is unsupported, said when they are opened', () => {
    const empty = mkdtempSync(join(tmpdir(), 'stillpoint-empty-'));
    expect(codeOf(() => openCgroups({ root: empty }))).toBe('unsupported');
    rmSync(empty, { recursive: true });
  });
});

describe('locating on v2', () => {
  const path = `/kubepods/burstable/pod1-2/${ID_A}`;

  it('takes the path of the spec, with pod and the ancestors that have a limit', () => {
    const fake = tree(2);
    fake.memory('kubepods', { usage: 1, limit: 900 * MIB });
    fake.memory('kubepods/burstable', { usage: 1 });
    fake.memory('kubepods/burstable/pod1-2', { usage: 1 });
    fake.memory(path, { usage: 1, limit: MIB });
    const cgroup = located(fake, { cgroupsPath: path });
    expect(short(fake, cgroup)).toEqual([
      `container ${path}`,
      'pod /kubepods/burstable/pod1-2',
      'ancestor /kubepods',
    ]);
    expect(cgroup.freezerDirectory).toBe(join(fake.root, path));
  });

  it('takes what the kernel says of the pid, above a spec whose path does not exist', () => {
    const fake = tree(2);
    fake.memory(`elsewhere/pod1/${ID_A}`, { usage: 1 });
    fake.proc(42, 'cgroup', `0::/elsewhere/pod1/${ID_A}/init.scope\n`);
    const cgroup = located(fake, { pid: 42, cgroupsPath: path });
    expect(short(fake, cgroup)[0]).toBe(`container /elsewhere/pod1/${ID_A}`);
  });

  it('does not believe a pid that belongs to another container', () => {
    const fake = tree(2);
    fake.memory(`other/${ID_B}`, { usage: 1 });
    fake.memory(path, { usage: 1 });
    fake.proc(42, 'cgroup', `0::/other/${ID_B}\n`);
    expect(short(fake, located(fake, { pid: 42, cgroupsPath: path }))[0]).toBe(`container ${path}`);
  });

  it('falls back on the spec when the pid is outside our cgroup namespace', () => {
    const fake = tree(2);
    fake.memory(path, { usage: 1 });
    fake.proc(42, 'cgroup', `0::/../../pod1-2/${ID_A}\n`);
    expect(short(fake, located(fake, { pid: 42, cgroupsPath: path }))[0]).toBe(`container ${path}`);
  });

  it('expands the systemd form and reads limits on scope and crun child', () => {
    const fake = tree(2);
    const scope = `kubepods.slice/kubepods-pod1.slice/crio-${ID_A}.scope`;
    fake.memory('kubepods.slice/kubepods-pod1.slice', { usage: 1 });
    fake.memory(scope, { usage: 1, limit: MIB });
    fake.memory(`${scope}/container`, { usage: 1 });
    const cgroup = located(fake, { cgroupsPath: `kubepods-pod1.slice:crio:${ID_A}` });
    expect(short(fake, cgroup)).toEqual([
      `container /${scope}`,
      `container /${scope}/container`,
      'pod /kubepods.slice/kubepods-pod1.slice',
    ]);
    expect(cgroup.freezerDirectory).toBe(join(fake.root, scope, 'container'));
  });

  it('looks under the prefixes of a nested node', () => {
    const fake = tree(2);
    fake.memory(`kubelet${path}`, { usage: 1 });
    expect(short(fake, located(fake, { cgroupsPath: path }))[0]).toBe(`container /kubelet${path}`);
  });

  it('finds nothing when nothing exists, or when the hints lead out of the tree', () => {
    const cgroups = openCgroups(tree(2));
    expect(cgroups.locate({ pid: 7, cgroupsPath: path })).toBeUndefined();
    expect(cgroups.locate({ cgroupsPath: '/../proc' })).toBeUndefined();
    expect(cgroups.locate({ pid: -1 })).toBeUndefined();
    expect(cgroups.locate({})).toBeUndefined();
  });
});

describe('locating on v1', () => {
  it('has a memory and a freezer path', () => {
    const fake = tree(1);
    const path = `kubepods/pod1/${ID_A}`;
    fake.memory('kubepods', { usage: 1 });
    fake.memory('kubepods/pod1', { usage: 1 });
    fake.memory(path, { usage: 1, limit: MIB });
    fake.write(`freezer/${path}/freezer.state`, 'THAWED\n');
    fake.proc(42, 'cgroup', `4:memory:/${path}\n6:freezer:/${path}\n0::/\n`);
    const cgroup = located(fake, { pid: 42 });
    expect(cgroup.version).toBe(1);
    expect(short(fake, cgroup)).toEqual([`container /memory/${path}`, 'pod /memory/kubepods/pod1']);
    expect(cgroup.freezerDirectory).toBe(join(fake.root, 'freezer', path));
  });
});

describe('the freezer', () => {
  it.each([
    ['0', '0', 'thawed'],
    ['1', '0', 'freezing'],
    ['1', '1', 'frozen'],
    ['0', '1', 'frozen'],
  ])('v2 freeze %s, frozen %s: %s', (asked, frozen, expected) => {
    const fake = tree(2);
    fake.write(`${ID_A}/cgroup.freeze`, `${asked}\n`);
    fake.write(`${ID_A}/cgroup.events`, `populated 1\nfrozen ${frozen}\n`);
    const cgroup = located(fake, { cgroupsPath: `/${ID_A}` });
    expect(openCgroups(fake).freezerState(cgroup)).toBe(expected);
  });

  it.each([
    ['THAWED', 'thawed'],
    ['FREEZING', 'freezing'],
    ['FROZEN', 'frozen'],
  ])('v1 %s: %s', (state, expected) => {
    const fake = tree(1);
    fake.memory(ID_A, { usage: 1 });
    fake.write(`freezer/${ID_A}/freezer.state`, `${state}\n`);
    const cgroup = located(fake, { cgroupsPath: `/${ID_A}` });
    expect(openCgroups(fake).freezerState(cgroup)).toBe(expected);
  });

  it('is asked by writing the one file, and never makes it', () => {
    const fake = tree(2);
    fake.write(`${ID_A}/cgroup.freeze`, '1');
    const cgroups = openCgroups(fake);
    const cgroup = located(fake, { cgroupsPath: `/${ID_A}` });
    cgroups.setFreezer(cgroup, 'thawed');
    expect(readFileSync(join(fake.root, ID_A, 'cgroup.freeze'), 'utf8')).toBe('0');
    fake.remove(ID_A);
    expect(codeOf(() => cgroups.setFreezer(cgroup, 'frozen'))).toBe('not-found');
    expect(cgroups.freezerState(cgroup)).toBeUndefined();
  });
});

describe('the processes of a container', () => {
  it('are those in its cgroup and below, and none when it is gone', () => {
    const fake = tree(2);
    fake.write(`${ID_A}/cgroup.procs`, '10\n11\n0\n');
    fake.write(`${ID_A}/init.scope/cgroup.procs`, '12\n');
    const cgroups = openCgroups(fake);
    const cgroup = located(fake, { cgroupsPath: `/${ID_A}` });
    expect([...cgroups.pids(cgroup)].sort()).toEqual([10, 11, 12]);
    fake.remove(ID_A);
    expect(cgroups.pids(cgroup)).toEqual([]);
  });
});
