import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createMemoryFiles, type MemoryFiles } from '../../src/node/index.ts';
import { type FakeTree, makeFakeTree } from './fake-tree.ts';

let fake: FakeTree | undefined;
let files: MemoryFiles | undefined;
afterEach(() => {
  files?.close();
  fake?.dispose();
});

function open(version: 1 | 2): { fake: FakeTree; files: MemoryFiles } {
  fake = makeFakeTree(version);
  files = createMemoryFiles(version, join(fake.root, version === 1 ? 'memory/x' : 'x'));
  return { fake, files };
}

describe.each([1, 2] as const)('the memory files of cgroup v%i', (version) => {
  it('give usage, droppable cache and limit, read anew each time', () => {
    const { fake, files } = open(version);
    fake.memory('x', { usage: 1000, inactiveFile: 300, limit: 4096 });
    expect(files.usageBytes()).toBe(1000);
    expect(files.inactiveFileBytes()).toBe(300);
    expect(files.limitBytes()).toBe(4096);
    fake.memory('x', { usage: 98765, inactiveFile: 0, limit: 8192 });
    expect(files.usageBytes()).toBe(98765);
    expect(files.inactiveFileBytes()).toBe(0);
    expect(files.limitBytes()).toBe(8192);
  });

  it('know what no limit looks like', () => {
    const { fake, files } = open(version);
    fake.memory('x', { usage: 1 });
    expect(files.limitBytes()).toBe('none');
  });

  it('are gone when the directory is', () => {
    const { files } = open(version);
    expect(files.usageBytes()).toBe('gone');
    expect(files.inactiveFileBytes()).toBe('gone');
    expect(files.limitBytes()).toBe('gone');
  });
});

describe('contents that the kernel does not write', () => {
  it.each([
    ['empty', ''],
    ['a word', 'lots\n'],
    ['negative', '-5\n'],
    ['a fraction', '1.5\n'],
    ['trailing words', '12 bytes\n'],
    ['longer than any number', `${'9'.repeat(60)}\n`],
    ['larger than can be counted', '99999999999999999\n'],
  ])('%s is garbled', (_name, text) => {
    const { fake, files } = open(2);
    fake.write('x/memory.current', text);
    expect(files.usageBytes()).toBe('garbled');
  });

  it.each([
    ['without the key', 'anon 5\nfile 6\n'],
    ['with a key that only ends alike', 'total_inactive_file 5\n'],
    ['cut off in the number', 'anon 5\ninactive_file \n'],
    ['cut off in the key', 'anon 5\ninactive_fi'],
  ])('memory.stat %s is garbled', (_name, text) => {
    const { fake, files } = open(2);
    fake.write('x/memory.stat', 'inactive_file 777777\nanon 5\nfile 6\n');
    expect(files.inactiveFileBytes()).toBe(777777);
    fake.write('x/memory.stat', text);
    expect(files.inactiveFileBytes()).toBe('garbled');
  });
});
