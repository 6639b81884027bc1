import { describe, expect, it } from '@jest/globals';
import { diskNeeds } from '../../src/capture/disk-need.ts';
import type { DiskSpace } from '../../src/node/index.ts';

function disk(path: string, device: number): DiskSpace {
  return { path, device, totalBytes: 1e12, availableBytes: 1e11 };
}

function peaks(...given: Parameters<typeof diskNeeds>): Record<string, number> {
  return Object.fromEntries(diskNeeds(...given).map((need) => [need.disk.path, need.needBytes]));
}

const hundred = { imageBytes: 100, layerBytes: 0 };

describe('what a checkpoint needs at its peak', () => {
  it('is three images on one disk with containerd', () => {
    const one = (path: string) => disk(path, 1);
    const needs = peaks('containerd', hundred, {
      checkpointsDirectory: one('/checkpoints'),
      runtimeRoot: one('/root'),
      runtimeTmp: one('/tmp'),
    });
    expect(Object.values(needs)).toEqual([300]);
  });

  it('is told apart by disk: tmp one, root two, checkpoints one', () => {
    const needs = peaks('containerd', hundred, {
      checkpointsDirectory: disk('/checkpoints', 1),
      runtimeRoot: disk('/root', 2),
      runtimeTmp: disk('/tmp', 3),
    });
    expect(needs).toEqual({ '/tmp': 100, '/root': 200, '/checkpoints': 100 });
  });

  it('is two images with CRI-O, off tmp', () => {
    const needs = peaks('cri-o', hundred, {
      checkpointsDirectory: disk('/checkpoints', 1),
      runtimeRoot: disk('/root', 1),
      runtimeTmp: disk('/tmp', 3),
    });
    expect(Object.values(needs)).toEqual([200]);
  });

  it('is counted to the checkpoints directory where the other places cannot be seen', () => {
    expect(peaks('containerd', hundred, { checkpointsDirectory: disk('/checkpoints', 1) })).toEqual(
      {
        '/checkpoints': 300,
      },
    );
  });

  const files = { imageBytes: 100, layerBytes: 10 };

  it('is two images with a dump of ours, and the layer in the content store meanwhile', () => {
    const needs = peaks('dump', files, {
      checkpointsDirectory: disk('/checkpoints', 1),
      runtimeRoot: disk('/root', 2),
      runtimeTmp: disk('/tmp', 3),
    });
    expect(needs).toEqual({ '/checkpoints': 220, '/root': 10 });
  });

  it('is two images with a dump of ours, all on one disk', () => {
    expect(peaks('dump', files, { checkpointsDirectory: disk('/checkpoints', 1) })).toEqual({
      '/checkpoints': 220,
    });
  });

  it('is the archive and the layer when the images lie in memory', () => {
    const needs = peaks('dump-in-memory', files, {
      checkpointsDirectory: disk('/checkpoints', 1),
      runtimeRoot: disk('/root', 2),
    });
    expect(needs).toEqual({ '/checkpoints': 120, '/root': 10 });
  });
});
