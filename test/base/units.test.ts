import { describe, expect, it } from '@jest/globals';
import {
  formatBytes,
  formatDuration,
  parseBytes,
  parseDurationMs,
  parsePercent,
  parseQuantityBytes,
} from '../../src/base/index.ts';

describe('units', () => {
  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['30d', 2_592_000_000],
    ['10', undefined],
    ['', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['1w', undefined],
  ])('reads the duration %j as %j ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each([
    ['1024', 1024],
    ['50Gi', 53_687_091_200],
    ['1.5M', 1_500_000],
    ['1KB', undefined],
    ['-1', undefined],
  ])('reads the quantity %j as %j bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    ['256Mi', 268_435_456],
    ['5e9', 5_000_000_000],
    ['134217728000m', 134_217_728],
    ['.5Gi', 536_870_912],
    ['2Pi', 2 ** 51],
    ['1e', undefined],
    ['5x', undefined],
    ['10GiB', undefined],
  ])("reads Kubernetes' quantity %j as %j bytes", (text, bytes) => {
    expect(parseQuantityBytes(text)).toBe(bytes);
  });

  it.each([
    ['85%', 0.85],
    ['0%', 0],
    ['101%', undefined],
    ['85', undefined],
  ])('reads the share %j as %j', (text, ratio) => {
    expect(parsePercent(text)).toBe(ratio);
  });

  it.each([
    [12.4, '12ms'],
    [1_500, '1.5s'],
    [61_000, '1m1s'],
    [5_400_000, '1h30m'],
    [90_061_000, '1d1h'],
  ])('writes %j ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([
    [900, '900 B'],
    [1_572_864, '1.5 MiB'],
    [268_435_456, '256 MiB'],
  ])('writes %j bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
