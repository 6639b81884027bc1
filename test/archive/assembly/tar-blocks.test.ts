import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { memberBytes, tarHeader } from '../../../src/archive/assembly/tar-blocks.ts';
import { bytesSource } from '../../../src/archive/byte-source.ts';
import { parseTarHeader } from '../../../src/archive/tar-header.ts';
import { readTar } from '../../../src/archive/tar-reader.ts';

const fixture = new URL('../fixtures/containerd-2.4-small.tar.gz', import.meta.url);
const GIB = 2 ** 30;
const END = Buffer.alloc(1024);

function field(block: Buffer, at: number, width: number): number {
  return Number.parseInt(block.toString('latin1', at, at + width), 8);
}

describe('a header of an archive of ours', () => {
  it('is the one that containerd writes, byte for byte', () => {
    const bytes = gunzipSync(readFileSync(fixture));
    let headers = 0;
    for (let at = 0; bytes[at] !== 0; headers++) {
      const block = bytes.subarray(at, at + 512);
      const parsed = parseTarHeader(block);
      if (parsed.kind === 'bad') throw new Error(parsed.detail);
      const fields = {
        name: parsed.name.replace(/\/$/, ''),
        type: parsed.flag === '5' ? ('directory' as const) : ('file' as const),
        bytes: parsed.bytes,
        mode: field(block, 100, 8),
        modifiedS: field(block, 136, 12),
      };
      expect(tarHeader(fields)).toEqual(Buffer.from(block));
      at += memberBytes(fields);
    }
    expect(headers).toBeGreaterThan(30);
  });

  it.each([8 * GIB - 1, 8 * GIB, 8 * GIB + 1, 1023 * GIB])(
    'holds a size of %d bytes',
    async (bytes) => {
      const name = 'checkpoint/pages-1.img';
      const fields = { name, type: 'file', bytes, mode: 0o644, modifiedS: 1 } as const;
      const header = tarHeader(fields);
      // The data are not there: a source that is as long as if they were.
      const whole = {
        bytes: memberBytes(fields) + END.length,
        read: async (offset: number, length: number) =>
          Buffer.concat([header.subarray(offset, offset + length), Buffer.alloc(length)]).subarray(
            0,
            length,
          ),
      };
      const reading = await readTar(whole);
      expect(reading).toMatchObject({ kind: 'whole', members: [{ name, bytes }] });
    },
  );

  it('needs one block below 8 GiB, and three from there on', () => {
    const header = (bytes: number) =>
      tarHeader({ name: 'a', type: 'file', bytes, mode: 0o644, modifiedS: 1 }).length;
    expect([header(8 * GIB - 1), header(8 * GIB)]).toEqual([512, 1536]);
  });

  it('is refused when the name would be cut', () => {
    const fields = { type: 'file', bytes: 0, mode: 0o644, modifiedS: 1 } as const;
    expect(() => tarHeader({ ...fields, name: 'a'.repeat(101) })).toThrow(RangeError);
    expect(() => tarHeader({ ...fields, name: 'a'.repeat(100), type: 'directory' })).toThrow();
    expect(tarHeader({ ...fields, name: 'a'.repeat(100) })).toHaveLength(512);
  });

  it('reads back what it was given', async () => {
    const fields = { name: 'a', type: 'file', bytes: 0, mode: 0o600, modifiedS: -5 } as const;
    const reading = await readTar(bytesSource(Buffer.concat([tarHeader(fields), END])));
    expect(reading).toMatchObject({ kind: 'whole', members: [{ name: 'a', bytes: 0 }] });
  });
});
