import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeLayer } from '../../../scripts/image/oci.ts';
import { unpackLayers } from '../../../scripts/image/unpack.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'stillpoint-unpack-'));
});
afterEach(() => rmSync(home, { recursive: true }));

describe('an image as a directory', () => {
  const base = makeLayer(
    'base',
    [
      { type: 'directory', name: 'tmp', mode: 0o1777 },
      { type: 'directory', name: 'usr', mode: 0o755 },
      { type: 'link', name: 'bin', mode: 0o777, target: 'usr' },
    ],
    0,
  );
  const program = { type: 'file', name: 'usr/p', mode: 0o755, data: Buffer.from('p') } as const;
  const app = makeLayer('app', [program], 0);

  it('has the files of all layers, with their modes whatever the umask', () => {
    const before = process.umask(0o077);
    try {
      unpackLayers([base, app], join(home, 'deep/image'));
    } finally {
      process.umask(before);
    }
    const at = (name: string) => join(home, 'deep/image', name);
    const modeOf = (name: string) => lstatSync(at(name)).mode & 0o7777;
    expect([modeOf('tmp'), modeOf('usr'), modeOf('usr/p')]).toEqual([0o1777, 0o755, 0o755]);
    expect(readFileSync(at('bin/p'), 'utf8')).toBe('p');
    expect(readlinkSync(at('bin'))).toBe('usr');
  });

  it('does not mix with what is there already', () => {
    expect(() => unpackLayers([base], home)).toThrow(/EEXIST/);
  });
});
