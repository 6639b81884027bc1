import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openCgroups } from '../../src/node/index.ts';
import { type FakeTree, makeFakeTree } from './fake-tree.ts';

let fake: FakeTree;
afterEach(() => fake.dispose());

function machine(version: 1 | 2, kibibytes = 8_192): void {
  fake = makeFakeTree(version);
  meminfo(`MemTotal:        ${kibibytes} kB\nMemFree:  17 kB\nMemAvailable:   4096 kB\n`);
}

function meminfo(text: string): void {
  writeFileSync(join(fake.procRoot, 'meminfo'), text);
}

const open = () => openCgroups(fake).openNodeMemory();
const CAPACITY = 8_192 * 1_024;

describe('the memory that the node has left', () => {
  it('is the capacity less the working set of the root cgroup of v1', () => {
    machine(1);
    fake.memory('', { usage: 5_000_000, inactiveFile: 2_000_000 });
    const availableBytes = CAPACITY - 3_000_000;
    expect(open().read()).toEqual({ capacityBytes: CAPACITY, availableBytes });
  });

  it('is on v2 counted from memory.stat, for the root has no memory.current', () => {
    machine(2);
    fake.write('memory.stat', 'anon 3000000\nfile 2500000\nkernel 77\ninactive_file 500000\n');
    const availableBytes = CAPACITY - 5_000_000;
    expect(open().read()).toEqual({ capacityBytes: CAPACITY, availableBytes });
  });

  it('follows the files, which are held open', () => {
    machine(1);
    fake.memory('', { usage: 5_000_000 });
    const files = open();
    files.read();
    fake.memory('', { usage: 6_000_000 });
    expect(files.read()).toMatchObject({ availableBytes: CAPACITY - 6_000_000 });
    files.close();
    fake.memory('', { usage: 7_000_000 });
    expect(files.read()).toMatchObject({ availableBytes: CAPACITY - 7_000_000 });
  });

  it.each([
    ['is all of it when more is page cache than is used', 1_000, 2_000, CAPACITY],
    ['is never less than nothing', CAPACITY * 2, 0, 0],
  ])('%s', (_, usage, inactiveFile, availableBytes) => {
    machine(1);
    fake.memory('', { usage, inactiveFile });
    expect(open().read()).toEqual({ capacityBytes: CAPACITY, availableBytes });
  });

  it.each<[string, 1 | 2, () => void, string]>([
    ['without /proc/meminfo', 1, () => rmSync(join(fake.procRoot, 'meminfo')), 'gone'],
    ['with a meminfo that names no total', 1, () => meminfo('MemFree: 1 kB\n'), 'gone'],
    ['without the files of the root, v1', 1, () => fake.remove('memory/memory.stat'), 'gone'],
    ['without the files of the root, v2', 2, () => fake.remove('memory.stat'), 'gone'],
    [
      'with a memory.stat of other keys, v1',
      1,
      () => fake.write('memory/memory.stat', 'cache 1\n'),
      'garbled',
    ],
    ['with one of other keys, v2', 2, () => fake.write('memory.stat', 'anon 1\n'), 'garbled'],
  ])('is not known %s', (_, version, harm, why) => {
    machine(version);
    if (version === 1) fake.memory('', { usage: 5_000_000 });
    else fake.write('memory.stat', 'anon 1\nfile 1\ninactive_file 1\n');
    harm();
    expect(open().read()).toBe(why);
  });
});
