import { describe, expect, it } from '@jest/globals';
import { isStillpointError } from '../../src/base/index.ts';
import { evictionFloorBytes, parseEvictionThreshold } from '../../src/node/index.ts';

const GIB = 2 ** 30;
const disk = { totalBytes: 100 * GIB };

describe('an eviction threshold', () => {
  it.each([
    ['10%', { kind: 'share', share: 0.1 }],
    ['7.5%', { kind: 'share', share: 0.075 }],
    ['1Gi', { kind: 'bytes', bytes: GIB }],
    ['500M', { kind: 'bytes', bytes: 5e8 }],
    ['5e9', { kind: 'bytes', bytes: 5e9 }],
    ['0.5Gi', { kind: 'bytes', bytes: GIB / 2 }],
    ['0%', { kind: 'off' }],
    ['100%', { kind: 'off' }],
  ])('%s', (text, expected) => {
    expect(parseEvictionThreshold(text)).toEqual(expected);
  });

  it.each(['', '%', '-1Gi', '101%', '1 Gi', '10GiB', 'ten'])('is not "%s"', (text) => {
    expect(parseEvictionThreshold(text)).toBeUndefined();
  });
});

describe('the floor under free disk space', () => {
  it("is the kubelet's default when evictionHard is not set", () => {
    expect(evictionFloorBytes(undefined, disk)).toBe(15 * GIB);
  });

  it.each([
    [
      'the larger of nodefs and imagefs',
      { 'nodefs.available': '20%', 'imagefs.available': '5%' },
      20,
    ],
    ['bytes', { 'nodefs.available': '3Gi' }, 3],
    ['nothing when the given map names no disk', { 'memory.available': '100Mi' }, 0],
    ['nothing when it is switched off', { 'nodefs.available': '0%' }, 0],
  ])('is %s', (_name, evictionHard, gib) => {
    expect(evictionFloorBytes(evictionHard as Record<string, string>, disk)).toBe(gib * GIB);
  });

  it('is refused when a threshold cannot be read', () => {
    try {
      evictionFloorBytes({ 'nodefs.available': 'lots' }, disk);
      throw new Error('was accepted');
    } catch (error) {
      expect(isStillpointError(error, 'bad-input')).toBe(true);
    }
  });
});
