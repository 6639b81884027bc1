import { describe, expect, it } from '@jest/globals';
import { bytesSource } from '../../src/archive/byte-source.ts';
import { readTar, tarLimits } from '../../src/archive/tar-reader.ts';
import {
  base256,
  gnuLongName,
  paxItem,
  type TarItem,
  tar,
  tarEnd,
  tarItem,
} from '../support/tar-writer.ts';

const read = (bytes: Buffer, limits = tarLimits) => readTar(bytesSource(bytes), limits);
const long = `checkpoint/${'deep/'.repeat(60)}core-1.img`;

describe('a tar that is whole', () => {
  it.each<[string, Buffer, string[]]>([
    ['is empty but for its end', tar(), []],
    [
      'has files and directories',
      tar({ name: 'a/' }, { name: 'a/b', data: 'xy' }),
      ['a:0', 'a/b:2'],
    ],
    ['has names with a leading ./', tar({ name: './spec.dump', data: '{}' }), ['spec.dump:2']],
    [
      'has a ustar prefix',
      tar({ name: 'c.img', prefix: 'checkpoint', data: '1' }),
      ['checkpoint/c.img:1'],
    ],
    [
      'is of GNU tar, whose prefix field holds times',
      tar({ name: 'c.img', prefix: '14712345670', magic: 'ustar  \0' }),
      ['c.img:0'],
    ],
    ['has a GNU long name', tar(gnuLongName(long), { name: 'cut', data: 'abc' }), [`${long}:3`]],
    ['has a pax path', tar(paxItem({ path: long }), { name: 'cut' }), [`${long}:0`]],
    [
      'has a pax size that overrides the header',
      tar(
        paxItem({ size: '600' }),
        { name: 'big', data: Buffer.alloc(600), size: 0 },
        { name: 'b' },
      ),
      ['big:600', 'b:0'],
    ],
    ['has a global pax header', tar(paxItem({ path: 'no' }, 'g'), { name: 'a' }), ['a:0']],
    ['has a size in base 256', tar({ name: 'a', data: 'xyz', sizeField: base256(3n) }), ['a:3']],
    [
      'has a link, whose size field counts for nothing',
      tar({ name: 'l', flag: '2', size: 9 }),
      ['l:0'],
    ],
    [
      'is of version 7',
      tar({ name: 'old', flag: '\0', data: 'x', magic: '\0'.repeat(8) }),
      ['old:1'],
    ],
    ['is padded to a record', Buffer.concat([tar({ name: 'a' }), Buffer.alloc(10_240)]), ['a:0']],
  ])('%s', async (_name, bytes, expected) => {
    const reading = await read(bytes);
    expect(reading.kind).toBe('whole');
    expect(reading.members.map(({ name, bytes }) => `${name}:${bytes}`)).toEqual(expected);
  });

  it('gives the place of the data', async () => {
    const bytes = tar({ name: 'a', data: 'first' }, { name: 'b', data: 'second' });
    const [, second] = (await read(bytes)).members;
    const { dataOffset = 0, bytes: length = 0 } = second ?? {};
    expect(bytes.toString('utf8', dataOffset, dataOffset + length)).toBe('second');
  });

  it('a pax header counts for one member only', async () => {
    const reading = await read(tar(paxItem({ path: 'renamed' }), { name: 'a' }, { name: 'b' }));
    expect(reading.members.map(({ name }) => name)).toEqual(['renamed', 'b']);
  });
});

describe('a tar that is damaged', () => {
  const item: TarItem = { name: 'a', data: Buffer.alloc(1000, 1) };
  const whole = tar(item);
  it.each<[string, Buffer, string]>([
    ['is empty', Buffer.alloc(0), 'empty'],
    ['is text', Buffer.alloc(2048, 'no tar '), 'not-a-tar'],
    ['has a spoilt first header', tar({ ...item, badChecksum: true }), 'not-a-tar'],
    ['has a spoilt later header', tar(item, { ...item, badChecksum: true }), 'header-damaged'],
    ['ends inside the first header', whole.subarray(0, 300), 'truncated'],
    ['ends inside the data', whole.subarray(0, 900), 'truncated'],
    ['ends after the last member', tarItem(item), 'no-end'],
    ['ends after one block of zeros', whole.subarray(0, whole.length - 512), 'no-end'],
    ['has a lone block of zeros', Buffer.concat([Buffer.alloc(512), whole]), 'no-end'],
    ['has the tail of an older file', Buffer.concat([whole, Buffer.alloc(512), whole]), 'old-tail'],
    ['has zeros for megabytes', Buffer.concat([whole, Buffer.alloc(3 << 20)]), 'old-tail'],
    ['has a negative size', tar(item, { name: 'a', sizeField: base256(-5n) }), 'header-damaged'],
    [
      'has a size beyond all numbers',
      tar(item, { name: 'a', sizeField: base256(1n << 90n) }),
      'header-damaged',
    ],
    ['has a size of 9 TiB', tar({ name: 'a', sizeField: base256(9n << 40n) }), 'truncated'],
    [
      'has a size that is no number',
      tar(item, { name: 'a', sizeField: Buffer.from('99zz00000000') }),
      'header-damaged',
    ],
    ['has a negative pax size', tar(paxItem({ size: '-1' }), { name: 'a' }), 'header-damaged'],
    [
      'has pax records that lie about their length',
      tar({ name: 'x', flag: 'x', data: '99 path=a\n' }),
      'header-damaged',
    ],
    [
      'has pax records of length 0',
      tar({ name: 'x', flag: 'x', data: '0 path=a\n' }),
      'header-damaged',
    ],
    ['has an endless pax header', tar({ name: 'x', flag: 'x', size: 1 << 30 }), 'name-too-long'],
    ['has an endless name', tar(gnuLongName('n'.repeat(5000)), { name: 'a' }), 'name-too-long'],
    ['has a sparse member', tar({ name: 'a', flag: 'S' }), 'sparse-member'],
    [
      'has a pax sparse member',
      tar(paxItem({ 'GNU.sparse.major': '1' }), { name: 'a' }),
      'sparse-member',
    ],
    ['ends after a pax header', tarItem(paxItem({ path: 'x' })), 'no-end'],
  ])('%s', async (_name, bytes, code) => {
    const reading = await read(bytes);
    expect(reading).toMatchObject({ kind: 'damaged', finding: { code } });
  });

  it('has more members than are allowed, extended headers counted', async () => {
    const items = Array.from({ length: 12 }, () => [paxItem({ path: 'x' }), { name: 'a' }]).flat();
    const reading = await read(tar(...items), { ...tarLimits, membersMax: 20 });
    expect(reading).toMatchObject({ kind: 'damaged', finding: { code: 'too-many-members' } });
  });

  it('cut at any block is never taken for whole', async () => {
    const bytes = tar({ name: 'a', data: 'x' }, paxItem({ path: long }), { name: 'b', data: 'y' });
    for (let end = 0; end < bytes.length; end += 128) {
      expect((await read(bytes.subarray(0, end))).kind).toBe('damaged');
    }
  });

  it('with any one byte of a header changed never throws', async () => {
    const bytes = tar({ name: 'a', data: 'x' }, { name: 'b', data: 'y' });
    for (let at = 0; at < bytes.length - tarEnd.length; at++) {
      const spoilt = Buffer.from(bytes);
      spoilt[at] = (spoilt[at] ?? 0) ^ 0xff;
      expect(['whole', 'damaged']).toContain((await read(spoilt)).kind);
    }
  });
});
