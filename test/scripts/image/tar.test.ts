import { describe, expect, it } from '@jest/globals';
import { readTar, type TarEntry, writeTar } from '../../../scripts/image/tar.ts';
import { tarItem } from '../../support/tar-writer.ts';

const end = Buffer.alloc(1024);

describe('the tar of a layer', () => {
  const entries: TarEntry[] = [
    { type: 'directory', name: 'usr', mode: 0o755 },
    { type: 'file', name: 'usr/node', mode: 0o755, data: Buffer.alloc(700, 7) },
    { type: 'file', name: 'usr/empty', mode: 0o600, data: Buffer.alloc(0) },
    { type: 'link', name: 'usr/to', mode: 0o777, target: '../opt/x.mjs' },
    { type: 'file', name: `usr/${'d'.repeat(90)}/${'f'.repeat(90)}`, mode: 0o644, data: end },
    { type: 'directory', name: 'tmp', mode: 0o1777 },
  ];

  it('holds what was put in', () => {
    expect(readTar(writeTar(entries, 1_767_225_600))).toEqual(entries);
  });

  it('is the same bytes for the same entries, and whole blocks', () => {
    const tar = writeTar(entries, 5);
    expect(writeTar(entries, 5).equals(tar)).toBe(true);
    expect(tar.length % 512).toBe(0);
  });

  it('names no user and has only the time that was given', () => {
    const header = writeTar(entries, 0o1234567).subarray(0, 512);
    const field = (at: number, bytes: number) => header.toString('latin1', at, at + bytes);
    expect([field(108, 8), field(116, 8)]).toEqual(['0000000\0', '0000000\0']);
    expect(field(136, 12)).toBe('00001234567\0');
    expect(field(265, 64)).toBe('\0'.repeat(64));
  });

  it('refuses a name that no tar can hold', () => {
    const name = 'n'.repeat(101);
    const file: TarEntry = { type: 'file', name, mode: 0o644, data: end };
    expect(() => writeTar([file], 0)).toThrow(/n is too long for a tar/);
  });
});

describe('the tar of a package', () => {
  it('gives names without a leading ./', () => {
    const tar = Buffer.concat([tarItem({ name: './etc/' }), tarItem({ name: './etc/a' }), end]);
    expect(readTar(tar).map(({ name, type }) => `${type} ${name}`)).toEqual([
      'directory etc',
      'file etc/a',
    ]);
  });

  it('takes long names of GNU tar and of pax, for the next member only', () => {
    const tar = Buffer.concat([
      tarItem({ name: '././@LongLink', flag: 'L', data: './long/gnu\0' }),
      tarItem({ name: 'short' }),
      tarItem({ name: 'pax', flag: 'x', data: '17 path=long/pax\n' }),
      tarItem({ name: 'short' }),
      tarItem({ name: 'short', prefix: 'long' }),
      end,
    ]);
    expect(readTar(tar).map(({ name }) => name)).toEqual(['long/gnu', 'long/pax', 'long/short']);
  });

  it.each([
    ['a hard link', { name: 'a', flag: '1' }, /a has the tar type "1"/],
    ['a device', { name: 'null', flag: '3' }, /null has the tar type "3"/],
    ['a way out', { name: '../etc/passwd' }, /leads out of its package/],
  ])('refuses %s', (_what, item, message) => {
    expect(() => readTar(Buffer.concat([tarItem(item), end]))).toThrow(message);
  });
});
