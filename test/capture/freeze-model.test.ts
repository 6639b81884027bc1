import { describe, expect, it } from '@jest/globals';
import { learnFrom, predictFreezeMs } from '../../src/capture/freeze-model.ts';
import type { FreezeCosts } from '../../src/capture/index.ts';

const costs: FreezeCosts = { bytesPerSecond: 100e6, layerBytesPerSecond: 10e6, fixedMs: 200 };

describe('the prediction of a freeze', () => {
  it('adds fixed part, memory and files, each at its own rate', () => {
    expect(predictFreezeMs(costs, { imageBytes: 100e6, layerBytes: 5e6 })).toBe(1_700);
  });
});

describe('what one capture teaches', () => {
  it('is the rate of memory where memory was most of the work', () => {
    const sample = { imageBytes: 200e6, layerBytes: 1e6, frozenMs: 1_300 };
    expect(learnFrom(costs, sample)).toEqual({ ...costs, bytesPerSecond: 130e6 });
  });

  it('is the rate of files where files were most of the work', () => {
    const sample = { imageBytes: 10e6, layerBytes: 100e6, frozenMs: 5_300 };
    expect(learnFrom(costs, sample)).toEqual({ ...costs, layerBytesPerSecond: 13e6 });
  });

  it('is always nearer to what was seen than before', () => {
    let known = costs;
    for (let i = 0; i < 20; i++) {
      known = learnFrom(known, { imageBytes: 300e6, layerBytes: 0, frozenMs: 1_200 }) ?? known;
    }
    expect(known.bytesPerSecond / 300e6).toBeCloseTo(1, 2);
  });

  it.each([
    ['a small container', { imageBytes: 1e6, layerBytes: 0, frozenMs: 300 }],
    ['a mixed one', { imageBytes: 100e6, layerBytes: 10e6, frozenMs: 2_200 }],
    ['a stop shorter than the fixed part', { imageBytes: 200e6, layerBytes: 0, frozenMs: 200 }],
    ['a rate that no machine has', { imageBytes: 200e9, layerBytes: 0, frozenMs: 201 }],
    ['a suspended machine', { imageBytes: 200e6, layerBytes: 0, frozenMs: 3_600_000 }],
    ['no bytes at all', { imageBytes: 0, layerBytes: 0, frozenMs: 300 }],
  ])('is nothing for %s', (_, sample) => {
    expect(learnFrom(costs, sample)).toBeUndefined();
  });
});
