import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { assembleArchive } from '../../../src/archive/assembly/index.ts';
import { tarHeader } from '../../../src/archive/assembly/tar-blocks.ts';
import { bytesSource } from '../../../src/archive/byte-source.ts';
import { readTar } from '../../../src/archive/tar-reader.ts';
import { verifyFile } from '../../../src/archive/verify.ts';
import { createRandom, parseExactJson } from '../../../src/base/index.ts';
import { imagesFolder } from '../../../src/capture/index.ts';
import { makeImagesFolder } from '../../support/images-folder.ts';
import { useTempDirs } from '../../support/temp-dir.ts';

const tempDir = useTempDirs();
const NAME = 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00.123Z.tar';
const fixture = new URL('../fixtures/containerd-2.4-small.tar.gz', import.meta.url);

/** All members of a tar with their data. */
async function membersOf(bytes: Buffer): Promise<Map<string, Buffer>> {
  const reading = await readTar(bytesSource(bytes));
  if (reading.kind !== 'whole') throw new Error(reading.finding.detail);
  return new Map(
    reading.members.map(({ name, dataOffset, bytes: size }) => [
      name,
      bytes.subarray(dataOffset, dataOffset + size),
    ]),
  );
}

/** The same archive with all times of members at 0. */
async function withoutTimes(bytes: Buffer): Promise<Buffer> {
  const reading = await readTar(bytesSource(bytes));
  const copy = Buffer.from(bytes);
  for (const { name, type, bytes: size, dataOffset } of reading.members) {
    const mode = Number.parseInt(copy.toString('latin1', dataOffset - 412, dataOffset - 405), 8);
    const kind = type === 'directory' ? type : 'file';
    const header = tarHeader({ name, type: kind, bytes: size, mode, modifiedS: 0 });
    header.copy(copy, dataOffset - 512);
  }
  return copy;
}

/** What a backend would have left of the container of a whole archive. */
async function takenApart(archive: Buffer, archivePath: string): Promise<string> {
  const members = await membersOf(archive);
  const text = (name: string) => String(members.get(name));
  const json = (name: string) => parseExactJson(text(name)) as Record<string, unknown>;
  const log = join(tempDir(), 'pod/container');
  mkdirSync(log, { recursive: true });
  writeFileSync(join(log, '0.log'), text('container.log'));
  const folder = makeImagesFolder(archivePath, {
    manifest: {
      spec: json('spec.dump'),
      status: json('status.dump'),
      config: json('config.dump'),
      pid: Number(json('status').Pid),
      logPath: join(log, '0.log'),
    },
    dumped: {
      files: { kind: 'taken', bytes: members.get('rootfs-diff.tar')?.length ?? 0 },
    },
  });
  const paths = imagesFolder(folder);
  for (const name of readdirSync(paths.checkpoint)) rmSync(join(paths.checkpoint, name));
  for (const [name, data] of members) {
    if (name.startsWith('checkpoint/')) writeFileSync(join(folder, name), data);
    if (name === 'rootfs-diff.tar') writeFileSync(paths.rootfsDiff, data);
    if (name === 'dump.log' || name === 'stats-dump') writeFileSync(join(paths.work, name), data);
  }
  return folder;
}

describe('an archive made of its parts', () => {
  it('equals the one that containerd made of the same container, but for the times', async () => {
    const real = gunzipSync(readFileSync(fixture));
    const path = join(tempDir(), NAME);
    const folder = await takenApart(real, path);
    const made = await assembleArchive({ folder, archivePath: path });
    expect(made).toMatchObject({ kind: 'assembled', missing: [] });
    const bytes = readFileSync(path);
    expect((await withoutTimes(bytes)).equals(await withoutTimes(real))).toBe(true);
    expect((await verifyFile(path)).verification.kind).toBe('complete');
  });

  it('has the hash and the identity of the file that is in place', async () => {
    const path = join(tempDir(), NAME);
    const folder = makeImagesFolder(path);
    const made = await assembleArchive({ folder, archivePath: path });
    if (made.kind !== 'assembled') throw new Error(made.why);
    expect(made.sha256).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
    expect((await verifyFile(path)).identity).toEqual(made.identity);
  });

  it('is read alike by our reader and by tar, whatever the sizes of its files', async () => {
    const random = createRandom(20_260_101);
    const MIB = 2 ** 20;
    const edges = [0, 1, 511, 512, 513, MIB - 512, MIB - 1, MIB, MIB + 1, 3 * MIB + 7];
    for (let round = 0; round < 12; round++) {
      const path = join(tempDir(), NAME);
      const folder = makeImagesFolder(path, { rootfsDiff: null });
      const expected = new Map<string, Buffer>();
      for (let n = 0; n < random.integer(1, 25); n++) {
        const bytes = edges[random.integer(0, edges.length - 1)] ?? 0;
        const data = Buffer.alloc(bytes, `${round} ${n} `);
        const name = `${['pages-', 'x.', 'A_', '0'][random.integer(0, 3)]}${n}.img`;
        writeFileSync(join(folder, 'checkpoint', name), data);
        expected.set(`checkpoint/${name}`, data);
      }
      const made = await assembleArchive({ folder, archivePath: path });
      expect(made.kind).toBe('assembled');
      const bytes = readFileSync(path);
      const members = await membersOf(bytes);
      for (const [name, data] of expected) expect(members.get(name)?.equals(data)).toBe(true);
      const names = [...members.keys()];
      const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(names).toEqual(sorted);
      const unpacked = tempDir();
      // GNU tar takes a name with a colon for another machine's.
      linkSync(path, join(unpacked, 'a.tar'));
      const tar = (flags: string) =>
        execFileSync('tar', [flags, 'a.tar'], { encoding: 'utf8', cwd: unpacked });
      const listed = tar('-tf');
      expect(
        listed
          .trim()
          .split('\n')
          .map((name) => name.replace(/\/$/, '')),
      ).toEqual(names);
      tar('-xf');
      for (const [name, data] of expected) {
        expect(readFileSync(join(unpacked, name)).equals(data)).toBe(true);
      }
    }
  });
});
