import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readYaml, YAML_FILE_BYTES_MAX } from '../../src/base/index.ts';

let home = '';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'stillpoint-yaml-'));
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

function write(name: string, id: string): void {
  writeFileSync(join(home, name), `apiVersion: stillpoint.dev/v1alpha1\nkind: Thing\nid: ${id}\n`);
}

async function read(path = home) {
  const { documents, mistakes } = await readYaml(path);
  return {
    ids: documents.map(({ value }) => value.id),
    files: documents.map(({ file }) => file),
    told: mistakes.map(({ file, message }) => `${file.slice(home.length)} ${message}`),
  };
}

describe('a directory of YAML', () => {
  it('is read in the order of names, without other files and subdirectories', async () => {
    mkdirSync(join(home, 'sub.yaml.d'));
    for (const name of ['b.yml', 'a.yaml', '.hidden.yaml', 'c.txt', 'd.yaml.bak'])
      write(name, name);
    expect(await read()).toMatchObject({ ids: ['a.yaml', 'b.yml'], told: [] });
  });

  it('that is empty gives nothing and is no mistake', async () => {
    expect(await read()).toEqual({ ids: [], files: [], told: [] });
  });

  it('mounted from a ConfigMap is read through ..data, under its own names', async () => {
    mkdirSync(join(home, '..2026_01'));
    write('..2026_01/a.yaml', 'mounted');
    symlinkSync('..2026_01', join(home, '..data'));
    symlinkSync('..data/a.yaml', join(home, 'a.yaml'));
    expect(await read()).toEqual({ ids: ['mounted'], files: [join(home, 'a.yaml')], told: [] });
  });

  it('is not left through ..data', async () => {
    symlinkSync('/etc', join(home, '..data'));
    expect((await read()).told).toEqual(['/..data leads out of its directory']);
  });

  it('refuses a link, a pipe, a directory, what is too large and what is no UTF-8', async () => {
    write('good.yaml', 'good');
    symlinkSync('/etc/passwd', join(home, 'link.yaml'));
    execFileSync('mkfifo', [join(home, 'pipe.yaml')]);
    mkdirSync(join(home, 'dir.yaml'));
    writeFileSync(join(home, 'large.yaml'), '#'.repeat(YAML_FILE_BYTES_MAX + 1));
    writeFileSync(join(home, 'latin.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xff]));
    expect(await read()).toMatchObject({
      ids: ['good'],
      told: [
        '/dir.yaml is not a regular file',
        '/large.yaml is larger than 1 MiB',
        '/latin.yaml is not UTF-8 text',
        '/link.yaml is a link; in a directory only the links of a mounted ConfigMap are followed',
        '/pipe.yaml is not a regular file',
      ],
    });
  });

  it('that does not exist is a mistake', async () => {
    expect((await read(join(home, 'none'))).told).toEqual(['/none does not exist']);
  });
});

describe('a file of YAML', () => {
  it('named by itself may be a link, as in a ConfigMap', async () => {
    write('real', 'real');
    symlinkSync('real', join(home, 'link.yaml'));
    expect(await read(join(home, 'link.yaml'))).toMatchObject({ ids: ['real'], told: [] });
  });

  const asUser = process.getuid?.() === 0 ? it.skip : it;
  asUser('that may not be read is a mistake (not to be seen as root)', async () => {
    write('a.yaml', 'a');
    chmodSync(join(home, 'a.yaml'), 0);
    expect((await read(join(home, 'a.yaml'))).told).toEqual([
      '/a.yaml may not be read by this user',
    ]);
  });
});
