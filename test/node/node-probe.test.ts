import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { isStillpointError } from '../../src/base/index.ts';
import { createNodeProbe, type NodeProbe, readDiskSpace } from '../../src/node/index.ts';
import { type FakeTree, ID_A, makeFakeTree } from './fake-tree.ts';

const trees: FakeTree[] = [];
function probeOf(version: 1 | 2): { fake: FakeTree; probe: NodeProbe } {
  const fake = makeFakeTree(version);
  trees.push(fake);
  return { fake, probe: createNodeProbe(fake) };
}
afterEach(() => {
  for (const made of trees.splice(0)) made.dispose();
});

function imageBytes(probe: NodeProbe): number | undefined {
  const cgroup = probe.cgroups.locate({ cgroupsPath: `/${ID_A}` });
  if (!cgroup) throw new Error('not located');
  return probe.imageBytes(cgroup);
}

describe('what a checkpoint must write', () => {
  it('is anon, shmem and swap on v2', () => {
    const { fake, probe } = probeOf(2);
    fake.write(`${ID_A}/memory.stat`, 'anon 1000\nfile 77\nshmem 200\ninactive_anon 5\n');
    fake.write(`${ID_A}/memory.swap.current`, '30\n');
    expect(imageBytes(probe)).toBe(1230);
  });

  it('does without swap accounting', () => {
    const { fake, probe } = probeOf(2);
    fake.write(`${ID_A}/memory.stat`, 'anon 1000\nshmem 200\n');
    expect(imageBytes(probe)).toBe(1200);
  });

  it('is the hierarchical sum on v1', () => {
    const { fake, probe } = probeOf(1);
    const stat = 'rss 1\nshmem 1\ntotal_rss 1000\ntotal_shmem 200\ntotal_swap 30\ntotal_cache 9\n';
    fake.write(`memory/${ID_A}/memory.stat`, stat);
    fake.write(`freezer/${ID_A}/freezer.state`, 'THAWED\n');
    expect(imageBytes(probe)).toBe(1230);
  });

  it('is unknown when the container is gone or its file is garbled', () => {
    const { fake, probe } = probeOf(2);
    fake.write(`${ID_A}/cgroup.procs`, '');
    expect(imageBytes(probe)).toBeUndefined();
    fake.write(`${ID_A}/memory.stat`, 'anon many\nshmem 3\n');
    expect(imageBytes(probe)).toBeUndefined();
  });
});

describe('a process', () => {
  it('tells who traces it', () => {
    const { fake, probe } = probeOf(2);
    fake.proc(42, 'status', 'Name:\tapp\nTracerPid:\t7\nUid:\t0\n');
    expect(probe.tracerPid(42)).toBe(7);
    expect(probe.tracerPid(43)).toBeUndefined();
  });
});

describe('disk space', () => {
  it('is that of the file system which holds the path', () => {
    const space = readDiskSpace(tmpdir());
    expect(space.totalBytes).toBeGreaterThan(space.availableBytes);
    expect(space.availableBytes).toBeGreaterThan(0);
    expect(space.device).toBeGreaterThan(0);
  });

  it('is not-found for a path that does not exist', () => {
    try {
      readDiskSpace(join(tmpdir(), 'stillpoint-no-such-directory'));
      throw new Error('was answered');
    } catch (error) {
      expect(isStillpointError(error, 'not-found')).toBe(true);
    }
  });
});
