import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  type MemoryFacts,
  objectionToMemory,
  type PlaceSources,
  placeImages,
} from '../../src/capture/images-place.ts';
import type { CaptureSpec } from '../../src/rules/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeContainerState } from '../support/fake-container-state.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const GIB = 2 ** 30;

const roomy: MemoryFacts = {
  imageBytes: GIB,
  tmpfs: { availableBytes: 4 * GIB, totalBytes: 5 * GIB },
  memory: { capacityBytes: 16 * GIB, availableBytes: 8 * GIB },
  evictionHard: { 'memory.available': '500Mi' },
};

describe('images in memory', () => {
  it.each<[string, Partial<MemoryFacts>, RegExp | undefined]>([
    ['may lie there where there is room', {}, undefined],
    [
      'may not where the tmpfs is small',
      { tmpfs: { availableBytes: GIB / 2, totalBytes: GIB } },
      /512 MiB of the tmpfs are free, 1 GiB needed/,
    ],
    [
      'may not where they would leave little of a tmpfs that others need',
      { tmpfs: { availableBytes: 1.5 * GIB, totalBytes: 4 * GIB } },
      /1.5 GiB of the tmpfs are free, 1 GiB needed, 819.2 MiB must stay/,
    ],
    ['may not where there is no tmpfs', { tmpfs: '/x is not on a tmpfs' }, /not on a tmpfs/],
    ['may not where the memory is not known', { memory: 'not seen' }, /not seen/],
    [
      'may not where the node would come near its threshold',
      { memory: { capacityBytes: 16 * GIB, availableBytes: 2.2 * GIB } },
      /2.2 GiB of the node's memory are free, 1 GiB needed, 1.3 GiB must stay/,
    ],
    [
      'may where just enough stays',
      { memory: { capacityBytes: 16 * GIB, availableBytes: 2 * GIB + 500 * 2 ** 20 } },
      undefined,
    ],
    [
      'may not by the threshold that the kubelet has by itself',
      {
        evictionHard: undefined,
        memory: { capacityBytes: 10 * GIB, availableBytes: 1.5 * GIB + 99 * 2 ** 20 },
      },
      /must stay/,
    ],
  ])('%s', (_, change, expected) => {
    const why = objectionToMemory({ ...roomy, ...change });
    if (expected === undefined) expect(why).toBeUndefined();
    else expect(why).toMatch(expected);
  });
});

describe('where images go', () => {
  const archivePath = '/checkpoints/checkpoint-a_b-c-x.tar';
  const folder = '/checkpoints/.stillpoint/images/checkpoint-a_b-c-x';
  const place = (images: CaptureSpec['images'], change: Partial<PlaceSources> = {}) => {
    const { node } = createFakeContainerState();
    const sources: PlaceSources = {
      node,
      places: { checkpointsDirectory: '/checkpoints' },
      evictionHard: () => ({}),
      ...change,
    };
    const spec = { ...fireOn(targetOf('a')).capture, images };
    return placeImages(sources, { spec, archivePath }, 1);
  };

  it('is beside the archive', () => {
    expect(place('disk')).toEqual({ kind: 'disk', directory: `${folder}/checkpoint` });
  });

  it('is beside the archive, with a reason, where no memory is configured or it is a disk', () => {
    const directory = `${folder}/checkpoint`;
    expect(place('memory')).toEqual({
      kind: 'disk',
      directory,
      why: 'no directory in memory is configured',
    });
    const onDisk = join(import.meta.dirname, 'nothing');
    expect(place('memory', { memoryDirectory: onDisk })).toEqual({
      kind: 'disk',
      directory,
      why: `${onDisk} is not on a tmpfs`,
    });
  });

  it('is a directory of the same name in memory where there is room', () => {
    const memoryDirectory = '/dev/shm/stillpoint-test-images';
    const { node } = createFakeContainerState();
    node.cgroups.openNodeMemory = () => ({
      read: () => ({ capacityBytes: 16 * GIB, availableBytes: 8 * GIB }),
      close: () => undefined,
    });
    expect(place('memory', { memoryDirectory, node })).toEqual({
      kind: 'memory',
      directory: `${memoryDirectory}/checkpoint-a_b-c-x/checkpoint`,
    });
  });

  it('is beside the archive where not even the place of the directory is there', () => {
    const memoryDirectory = join(tempDir(), 'a', 'b');
    mkdirSync(join(memoryDirectory, '../..'), { recursive: true });
    expect(place('memory', { memoryDirectory }).why).toBe(`${memoryDirectory} does not exist`);
  });
});
