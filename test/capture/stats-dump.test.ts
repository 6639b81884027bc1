import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { criuStopMs, readCriuStopMs } from '../../src/capture/stats-dump.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

/** As CRIU 4.1.1 left it: freezing 311 us, frozen 169,020 us. */
const real = statsOf([
  [1, 311],
  [2, 169_020],
  [3, 80_000],
  [7, 16_402],
]);

function statsOf(fields: [number, number][]): Buffer {
  const dump = Buffer.from(fields.flatMap(([field, value]) => [field * 8, ...varint(value)]));
  const entry = Buffer.concat([Buffer.from([0x0a, dump.length]), dump]);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(0x55105940, 0);
  head.writeUInt32LE(0x57093306, 4);
  head.writeUInt32LE(entry.length, 8);
  return Buffer.concat([head, entry]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}

describe("CRIU's own account of the stop", () => {
  it('is the time to freeze and the time frozen', () => {
    expect(criuStopMs(real)).toBeCloseTo(169.331);
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['another magic', Buffer.concat([Buffer.alloc(4), real.subarray(4)])],
    ['a file cut off in a number', real.subarray(0, 17)],
    ['no time frozen', statsOf([[1, 5]])],
    ['garbage', Buffer.concat([real.subarray(0, 12), Buffer.alloc(40, 0xff)])],
  ])('is not told by %s', (_, image) => {
    expect(criuStopMs(image)).toBeUndefined();
  });

  it('is read from the file, and from no link', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'stats-dump'), real);
    symlinkSync(join(directory, 'stats-dump'), join(directory, 'link'));
    expect(await readCriuStopMs(join(directory, 'stats-dump'))).toBeCloseTo(169.331);
    expect(await readCriuStopMs(join(directory, 'link'))).toBeUndefined();
    expect(await readCriuStopMs(join(directory, 'nothing'))).toBeUndefined();
  });
});
