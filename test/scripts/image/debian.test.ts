import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fetchDebs } from '../../../scripts/image/debian.ts';
import { type Pins, readPins } from '../../../scripts/image/pins.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const content = 'the package\n';
const sha256 = createHash('sha256').update(content).digest('hex');
const pins: Pins = {
  ...readPins(),
  date: '2026-02-28',
  debian: { amd64: [{ name: 'libx', version: '1+2', sha256 }], arm64: [] },
};

let home: string;
let path: string | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'stillpoint-debian-'));
  mkdirSync(join(home, 'bin'));
  path = process.env.PATH;
  process.env.PATH = `${join(home, 'bin')}:${path}`;
});

afterEach(() => {
  process.env.PATH = path;
  rmSync(home, { recursive: true });
});

/** An apt-get that keeps what it was asked and then does what `download` says. */
function fakeApt(download: string): void {
  const script = `#!/bin/sh
list=$(printf '%s\\n' "$@" | sed -n 's/^Dir::Etc::SourceList=//p')
for last; do :; done
echo "$last" >> ${home}/asked
case "$*" in *download*) cat "$list" >> ${home}/sources; ${download} ;; esac
`;
  writeFileSync(join(home, 'bin/apt-get'), script);
  chmodSync(join(home, 'bin/apt-get'), 0o755);
}

const told = (name: string) => readFileSync(join(home, name), 'utf8');
const leaves = (text: string) => `printf '${text.replace('\n', '\\n')}' > libx.deb`;

// apt's keyring is Debian's own; where it is absent, so is apt, and the Dockerfile is the way.
const onDebian = existsSync(keyring) ? describe : describe.skip;

onDebian('the packages of the base', () => {
  it('are fetched at exactly the pinned version, once', async () => {
    fakeApt(leaves(content));
    const debs = join(home, 'debs');
    const files = await fetchDebs(pins, 'amd64', debs);
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual([content]);
    expect(await fetchDebs(pins, 'amd64', debs)).toEqual(files);
    expect(told('asked')).toBe('-qq\nlibx=1+2\n');
    expect(readdirSync(debs)).toEqual([`${sha256}.deb`]);
  });

  it('come from snapshot.debian.org when the mirror has moved on', async () => {
    fakeApt(`grep -q snapshot "$list" || exit 100; ${leaves(content)}`);
    expect(await fetchDebs(pins, 'amd64', join(home, 'debs'))).toHaveLength(1);
    expect(told('sources')).toMatch(
      /snapshot\.debian\.org\/archive\/debian\/20260301T000000Z trixie main/,
    );
  });

  it('are refused when they are not those of the pins', async () => {
    fakeApt(leaves('another package\n'));
    await expect(fetchDebs(pins, 'amd64', join(home, 'debs'))).rejects.toThrow(
      `libx 1+2 was fetched, but its hash is not the pinned ${sha256}`,
    );
    expect(readdirSync(join(home, 'debs'))).toEqual([]);
  });

  it('name what was tried when they cannot be had', async () => {
    fakeApt('echo "no way out" >&2; exit 100');
    await expect(fetchDebs(pins, 'amd64', join(home, 'debs'))).rejects.toThrow(
      /no way out[\s\S]*no way out[\s\S]*npm run image -- --update-pins/,
    );
  });
});
