import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { bytesSource } from '../../src/archive/byte-source.ts';
import { readContents } from '../../src/archive/contents.ts';
import type { Verification } from '../../src/archive/index.ts';
import { judgeContents, verifyFile } from '../../src/archive/verify.ts';
import {
  bytesField,
  type CheckpointParts,
  checkpointMembers,
  checkpointTar,
  image,
  varintField,
} from '../support/checkpoint-archive.ts';
import { type TarItem, tar } from '../support/tar-writer.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

async function verify(bytes: Buffer): Promise<Verification> {
  const source = bytesSource(bytes);
  return judgeContents(await readContents(source), source);
}

function codesOf(verification: Verification): string[] {
  if (verification.kind !== 'broken') return [verification.kind];
  return verification.findings.map(({ code, detail }) => `${code} ${detail}`);
}

/** The members, one of them left out or replaced. */
function membersBut(
  name: string,
  instead?: Partial<TarItem>,
  parts: Partial<CheckpointParts> = {},
) {
  return checkpointMembers(parts).flatMap((item) => {
    if (item.name !== name) return [item];
    return instead ? [{ ...item, ...instead }] : [];
  });
}

describe('a complete archive', () => {
  it('of containerd tells what it is of', async () => {
    const verification = await verify(checkpointTar());
    expect(verification).toMatchObject({
      kind: 'complete',
      facts: {
        metadata: {
          engine: 'containerd',
          namespace: 'shop',
          pod: 'cart-7d9f',
          podUid: '3f0c0c5e-1111-4222-8333-795505242393',
          container: 'app',
          containerId: 'ab'.repeat(32),
          image: 'lab.local/work:1',
          checkpointedMs: Date.UTC(2026, 0, 1, 0, 1, 0, 500),
        },
        processes: 1,
        threads: 2,
        pagesBytes: 5 * 4096,
        imageVersion: 2,
        stats: { frozenMs: 98.793 },
      },
    });
  });

  it('of CRI-O needs no status.dump', async () => {
    expect(await verify(checkpointTar({ engine: 'cri-o' }))).toMatchObject({
      kind: 'complete',
      facts: { metadata: { engine: 'cri-o', pod: 'cart-7d9f', container: 'app' } },
    });
  });

  it.each([
    [
      'crio-1.37-small',
      { engine: 'cri-o', namespace: 'shop-eu', pod: 'cart-7d9f', container: 'app' },
      { processes: 3, threads: 3, pagesBytes: 305 * 4096, stats: { pagesWritten: 305 } },
    ],
    [
      'containerd-2.4-small',
      { engine: 'containerd', namespace: 'default', pod: 'cart-7d9f', container: 'work' },
      { processes: 3, threads: 4, pagesBytes: 288 * 4096, stats: { pagesWritten: 288 } },
    ],
  ])('made by a real runtime: %s', async (name, metadata, facts) => {
    const bytes = gunzipSync(readFileSync(new URL(`fixtures/${name}.tar.gz`, import.meta.url)));
    expect(await verify(bytes)).toMatchObject({ kind: 'complete', facts: { metadata, ...facts } });
    // Every cut is found, but for zeros that pad the last record beyond the end mark.
    for (const end of [bytes.length - 512, bytes.length - 4096, bytes.length >> 1, 20_000]) {
      const { kind } = await verify(bytes.subarray(0, end));
      expect(kind).toBe('broken');
    }
  });

  it('of a machine with pages of 64 KiB', async () => {
    const parts = { machine: 3, pageBytes: 65_536 };
    expect((await verify(checkpointTar(parts))).kind).toBe('complete');
  });

  it('with a zombie, which has no memory, and a number without meaning as its thread', async () => {
    const members = checkpointMembers({
      processes: [
        { pid: 1, runs: [{ pages: 1 }] },
        { pid: 5, threads: [2_050_551_312], runs: [] },
      ],
    }).filter(({ name }) => !/(mm|pagemap)-5|pages-2|core-20/.test(name));
    expect((await verify(tar(...members))).kind).toBe('complete');
  });
});

describe('an archive that can be neither proved nor blamed', () => {
  it.each<[string, Buffer, string]>([
    ['compressed pages', checkpointTar({ imageVersion: 3, pageBytes: 100 }), 'image-version'],
    ['a later image version', checkpointTar({ imageVersion: 9 }), 'image-version'],
    [
      'pages of an earlier dump',
      checkpointTar({
        processes: [{ pid: 1, runs: [{ pages: 1 }, { pages: 2, inParent: true }] }],
      }),
      'needs-parent',
    ],
    ['another engine', checkpointTar({ engine: 'podman' }), 'unknown-engine'],
    [
      'the layout of containerd 2.0',
      tar(
        ...checkpointMembers().filter(({ name }) => !/^(status|stats-dump|dump\.log)/.test(name)),
      ),
      'no-status-dump',
    ],
  ])('%s', async (_name, bytes, reason) => {
    expect(await verify(bytes)).toMatchObject({ kind: 'unverified', reason });
  });
});

describe('a broken archive', () => {
  const missing = (name: string): [string, Buffer, string] => [
    `without ${name}`,
    tar(...membersBut(name)),
    `member-missing ${name}`,
  ];
  it.each<[string, Buffer, string]>([
    missing('config.dump'),
    missing('spec.dump'),
    missing('status.dump'),
    missing('checkpoint/inventory.img'),
    missing('checkpoint/pstree.img'),
    missing('checkpoint/core-1.img'),
    missing('checkpoint/core-7.img'),
    missing('checkpoint/mm-1.img'),
    missing('checkpoint/pagemap-1.img'),
    [
      'without any pages',
      tar(...membersBut('checkpoint/pages-1.img')),
      'pages-missing checkpoint/pages-1.img',
    ],
    [
      'with a pages file one page short',
      tar(...membersBut('checkpoint/pages-1.img', { data: Buffer.alloc(4 * 4096) })),
      'pages-size',
    ],
    [
      'with a pages file nobody claims',
      tar(...checkpointMembers(), { name: 'checkpoint/pages-9.img', data: 'x' }),
      'pages-unclaimed',
    ],
    [
      'with compressed pages of no bytes',
      tar(...membersBut('checkpoint/pages-1.img', { data: '' }, { imageVersion: 3 })),
      'pages-empty',
    ],
    [
      'with a spoilt page map',
      tar(...membersBut('checkpoint/pagemap-1.img', { data: 'spoilt!!' })),
      'image-malformed',
    ],
    [
      'with a spoilt inventory',
      tar(...membersBut('checkpoint/inventory.img', { data: 'no' })),
      'image-malformed',
    ],
    ['with no process at all', checkpointTar({ processes: [] }), 'member-missing any process'],
    [
      'with a spec that is no JSON',
      tar(...membersBut('spec.dump', { data: '{' })),
      'metadata-malformed spec.dump',
    ],
    [
      'with a config that is a list',
      tar(...membersBut('config.dump', { data: '[]' })),
      'metadata-malformed config.dump',
    ],
    ['that names no pod', checkpointTar({ pod: '' }), 'identity-missing pod'],
    ['with a pod name for a terminal', checkpointTar({ pod: '\u001b[2J' }), 'identity-missing pod'],
    [
      'with a spec of 5 MiB',
      tar(...membersBut('spec.dump', { data: Buffer.alloc(5 << 20, 0x20) })),
      'member-too-large spec.dump',
    ],
    [
      'with two specs',
      tar(...checkpointMembers(), { name: './spec.dump', data: '{}' }),
      'member-twice "spec.dump"',
    ],
    [
      'with a member that climbs out',
      tar(...checkpointMembers(), { name: 'a/../../etc/shadow' }),
      'unsafe-name',
    ],
    [
      'with an absolute member',
      tar(...checkpointMembers(), { name: '/etc/shadow' }),
      'unsafe-name',
    ],
    [
      'with a link in the place of the spec',
      tar(...membersBut('spec.dump', { flag: '2', data: '' })),
      'member-missing spec.dump',
    ],
    [
      'over an older, longer one',
      Buffer.concat([checkpointTar(), Buffer.alloc(512, 7)]),
      'old-tail',
    ],
    ['that is empty', Buffer.alloc(0), 'empty'],
  ])('%s', async (_name, bytes, finding) => {
    expect(codesOf(await verify(bytes))).toContainEqual(expect.stringContaining(finding));
  });

  it('is found at every length that it could be cut to', async () => {
    const whole = checkpointTar();
    for (let end = 0; end < whole.length; end += 256) {
      expect((await verify(whole.subarray(0, end))).kind).toBe('broken');
    }
  });

  it('lists everything that is wrong, and its identity as far as it is readable', async () => {
    const members = membersBut('checkpoint/pstree.img').filter(
      ({ name }) => name !== 'status.dump',
    );
    const verification = await verify(tar(...members));
    expect(codesOf(verification)).toHaveLength(2);
    expect(verification).toMatchObject({ metadata: { pod: 'cart-7d9f' } });
  });
});

describe('a hostile archive', () => {
  it.each<[string, Buffer]>([
    ['members twice', tar(...Array.from({ length: 500 }, () => ({ name: 'config.dump' })))],
    [
      'threads without a core image',
      tar(
        ...membersBut('checkpoint/pstree.img', {
          data: image(0x54564319, 0x50273030, [
            Buffer.concat([
              varintField(1, 1),
              bytesField(5, Buffer.from(Array.from({ length: 120 }, (_, id) => id + 1))),
            ]),
          ]),
        }),
      ),
    ],
  ])('with %s without end is told in a bounded number of findings', async (_name, bytes) => {
    const verification = await verify(bytes);
    expect(codesOf(verification)).toHaveLength(51);
    expect(codesOf(verification).at(-1)).toBe('more than 50 findings');
  });
});

describe('the file of an archive', () => {
  it('is identified', async () => {
    const path = join(tempDir(), 'checkpoint-a.tar');
    writeFileSync(path, checkpointTar());
    const { verification, identity } = await verifyFile(path);
    expect(verification.kind).toBe('complete');
    expect(identity.bytes).toBe(checkpointTar().length);
  });

  it('is not read through a link', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'real'), checkpointTar());
    symlinkSync('real', join(dir, 'checkpoint-a.tar'));
    await expect(verifyFile(join(dir, 'checkpoint-a.tar'))).rejects.toMatchObject({
      code: 'bad-input',
    });
  });

  it('may have a second name', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'real'), checkpointTar());
    linkSync(join(dir, 'real'), join(dir, 'checkpoint-a.tar'));
    expect((await verifyFile(join(dir, 'checkpoint-a.tar'))).verification.kind).toBe('complete');
  });

  it('is a file: a directory is refused, a missing one is not-found', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'checkpoint-d.tar'));
    await expect(verifyFile(join(dir, 'checkpoint-d.tar'))).rejects.toMatchObject({
      code: 'bad-input',
    });
    await expect(verifyFile(join(dir, 'no'))).rejects.toMatchObject({ code: 'not-found' });
  });
});
