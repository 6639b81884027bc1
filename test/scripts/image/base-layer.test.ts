import { describe, expect, it } from '@jest/globals';
import {
  baseEntries,
  type DebianPackage,
  text,
  withDirectories,
} from '../../../scripts/image/base-layer.ts';

const libc: DebianPackage = {
  control: 'Package: libc6\nVersion: 2.41-12\nArchitecture: amd64\n',
  md5sums: 'aa  usr/lib/x/libc.so.6\nbb  usr/share/doc/libc6/NEWS.gz\n',
  entries: [
    { type: 'directory', name: '', mode: 0o755 },
    { type: 'directory', name: 'usr', mode: 0o755 },
    text('usr/lib/x/libc.so.6', 'code'),
    text('usr/lib/x/gconv/UTF-7.so', 'converter'),
    text('usr/share/doc/libc6/NEWS.gz', 'news'),
    text('usr/share/doc/libc6/copyright', 'LGPL'),
    text('usr/share/lintian/overrides/libc6', ''),
  ],
};
const gcc: DebianPackage = {
  control: 'Package: libgcc-s1\nVersion: 14\n',
  md5sums: '',
  entries: [
    { type: 'directory', name: 'usr', mode: 0o700 },
    { type: 'link', name: 'usr/share/doc/libgcc-s1', mode: 0o777, target: 'gcc-14-base' },
    { type: 'directory', name: 'home', mode: 0o755 },
    { type: 'directory', name: 'tmp', mode: 0o1777 },
  ],
};

describe('the base of the image', () => {
  const entries = baseEntries([libc, gcc]);
  const names = entries.map(({ name }) => name);
  const contentOf = (name: string) => {
    const found = entries.find((entry) => entry.name === name);
    return found?.type === 'file' ? String(found.data) : undefined;
  };

  it('keeps libraries and copyrights, and leaves out what nothing reads', () => {
    expect(names).toEqual(
      expect.arrayContaining([
        'tmp',
        'usr/lib/x/libc.so.6',
        'usr/share/doc/libc6/copyright',
        'usr/share/doc/libgcc-s1',
      ]),
    );
    expect(names.join('\n')).not.toMatch(/NEWS|gconv|lintian|^home$/m);
  });

  it('lists the packages where scanners look for them', () => {
    expect(contentOf('var/lib/dpkg/status.d/libc6')).toBe(libc.control);
    expect(contentOf('var/lib/dpkg/status.d/libc6.md5sums')).toBe('aa  usr/lib/x/libc.so.6\n');
    expect(contentOf('var/lib/dpkg/status.d/libgcc-s1')).toBe(gcc.control);
  });

  it('has a directory once, before what is in it, as its first package has it', () => {
    expect(new Set(names).size).toBe(names.length);
    for (const name of names.filter((of) => of.includes('/'))) {
      const parent = name.slice(0, name.lastIndexOf('/'));
      expect(names.indexOf(parent)).toBeGreaterThanOrEqual(0);
      expect(names.indexOf(parent)).toBeLessThan(names.indexOf(name));
    }
    expect(entries.find(({ name }) => name === 'usr')?.mode).toBe(0o755);
  });

  it('knows root by name, and looks into /etc/hosts before it asks for a name', () => {
    expect(contentOf('etc/passwd')).toMatch(/^root:x:0:0:.*nologin$/m);
    expect(contentOf('etc/nsswitch.conf')).toContain('hosts: files dns');
  });

  it('refuses a package that does not tell its name', () => {
    expect(() => baseEntries([{ ...libc, control: '' }])).toThrow(/has no name/);
  });
});

describe('directories of a later layer', () => {
  it('are added, but for those that an earlier one has', () => {
    const entries = withDirectories([text('usr/bin/a/b', '')], new Set(['usr', 'usr/bin']));
    expect(entries.map(({ name }) => name)).toEqual(['usr/bin/a', 'usr/bin/a/b']);
  });
});
