import { afterEach, describe, expect, it } from '@jest/globals';
import { platforms, readManifest } from '../../../scripts/image/names.ts';
import { debianPackages, imageTimeSeconds, readPins } from '../../../scripts/image/pins.ts';

const pins = readPins();

describe('what is pinned', () => {
  it.each(Object.keys(platforms) as (keyof typeof platforms)[])(
    'has every package of the base, and node, for %s',
    (platform) => {
      expect(pins.debian[platform].map(({ name }) => name)).toEqual(debianPackages);
      for (const { sha256 } of pins.debian[platform]) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(pins.node.binaries[platform]).toEqual({
        integrity: expect.stringMatching(/^sha512-[A-Za-z0-9+/]{86}==$/),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
    },
  );

  it('is the node that everything here runs on', () => {
    expect(pins.node.version).toBe(readManifest().devDependencies.node);
  });

  it('has one version of a package for all processors', () => {
    const versions = Object.values(pins.debian).map((list) => list.map(({ version }) => version));
    expect(new Set(versions.map(String)).size).toBe(1);
  });
});

describe('the date of the image', () => {
  const before = process.env.SOURCE_DATE_EPOCH;
  afterEach(() => {
    if (before === undefined) delete process.env.SOURCE_DATE_EPOCH;
    else process.env.SOURCE_DATE_EPOCH = before;
  });

  it('is that of the pins, or the one that SOURCE_DATE_EPOCH gives', () => {
    delete process.env.SOURCE_DATE_EPOCH;
    expect(imageTimeSeconds({ ...pins, date: '1970-01-02' })).toBe(86_400);
    process.env.SOURCE_DATE_EPOCH = '12';
    expect(imageTimeSeconds(pins)).toBe(12);
  });

  it('is refused when it is no number of seconds', () => {
    process.env.SOURCE_DATE_EPOCH = 'yesterday';
    expect(() => imageTimeSeconds(pins)).toThrow('SOURCE_DATE_EPOCH is "yesterday"');
  });
});
