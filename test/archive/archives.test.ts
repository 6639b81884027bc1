import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  type Archives,
  createArchives,
  type KeepRequest,
  listDirectory,
  showArchive,
  verifyArchive,
} from '../../src/archive/index.ts';
import type { PodFact } from '../../src/signal/index.ts';
import { openStore } from '../../src/store/index.ts';
import { captureRequest } from '../support/capture-request.ts';
import { checkpointMembers, checkpointTar } from '../support/checkpoint-archive.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { podFactOf } from '../support/pod-facts.ts';
import { tar } from '../support/tar-writer.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const NAME = 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00Z.tar';

async function started(directory = tempDir()) {
  const archives = createArchives({
    directory,
    store: openStore(':memory:'),
    clock: createFakeClock(),
  });
  await archives.start();
  const path = join(directory, NAME);
  return { archives, directory, path };
}

function standings(archives: Archives): string[] {
  return archives.catalog.list().map(({ name, standing }) => `${name} ${standing.kind}`);
}

describe('an archive that a capture left', () => {
  it('is verified, recorded and in the catalog', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    const kept = await archives.keep(captureRequest(path));
    expect(kept).toMatchObject({
      kind: 'kept',
      record: {
        archive: NAME,
        bytes: checkpointTar().length,
        createdMs: 1_000,
        namespace: 'shop',
        pod: 'cart-7d9f',
        container: 'app',
        image: 'lab.local/work:1',
        backend: 'cri',
        engine: 'containerd',
        retainClass: 'crash',
        verified: 'complete',
        timings: { checkpointMs: 700, frozenMs: 300, criuFrozenMs: 100.293 },
        trigger: {
          id: 'trigger-1',
          causes: [{ rule: 'oom-nearing', trail: [{ holds: true }], signal: { kind: 'event' } }],
        },
      },
    });
    expect(standings(archives)).toEqual([`${NAME} recorded`]);
    expect(await verifyArchive(path)).toMatchObject({
      verification: { kind: 'complete' },
      record: { kind: 'matches' },
    });
  });

  const direct = { kind: 'ReplicaSet', name: 'cart-7d9f' };
  const top = { kind: 'Deployment', name: 'cart' };
  it.each<[situation: string, pod: Partial<PodFact> | undefined, owner: object | undefined]>([
    ['who stands behind the owner of its pod', { owner: direct, topOwner: top }, top],
    ['the owner while nobody knows more', { owner: direct }, direct],
    ['nobody for a bare pod', { topOwner: { kind: 'Pod', name: 'cart' } }, undefined],
    ['who the decision knew, when the pod is gone', undefined, top],
  ])('belongs to %s', async (_, pod, owner) => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    const { trigger, ...request } = captureRequest(path);
    const decisions = trigger.decisions.map((one) => ({ ...one, owner: top }));
    const kept = await archives.keep({
      ...request,
      trigger: { ...trigger, decisions },
      pod: pod && podFactOf(trigger.target, pod),
    });
    if (kept.kind !== 'kept') throw new Error(kept.kind);
    expect(kept.record.owner).toEqual(owner);
  });

  it('of a new life is kept, and the record names that life', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar({ containerId: 'cd'.repeat(32) }));
    const kept = await archives.keep(captureRequest(path));
    expect(kept).toMatchObject({ kind: 'kept', record: { containerId: 'cd'.repeat(32) } });
  });

  it('is kept with its doubt when it cannot be proved', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar({ imageVersion: 3 }));
    const kept = await archives.keep(captureRequest(path));
    expect(kept).toMatchObject({
      kind: 'kept',
      doubt: 'image-version: version 3',
      record: { verified: 'unverified' },
    });
  });

  it('may be taken in again after a crash', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    await archives.keep(captureRequest(path));
    expect((await archives.keep(captureRequest(path))).kind).toBe('kept');
  });

  it('is never taken over from another capture, whatever its record says', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    const request = captureRequest(path);
    await archives.keep(request);
    const second = { ...request, trigger: { ...request.trigger, id: 'trigger-2' } };
    for (const result of [await archives.keep(second), await archives.adopt(NAME, second)]) {
      expect(result).toMatchObject({
        kind: 'broken',
        findings: [{ code: 'recorded-already', detail: 'trigger trigger-1' }],
        removal: { kind: 'left' },
      });
    }
    expect(await archives.records.read(NAME)).toMatchObject({
      record: { trigger: { id: 'trigger-1' } },
    });
    writeFileSync(join(archives.records.paths.records, `${NAME}.json`), '{');
    expect(await archives.keep(request)).toMatchObject({
      kind: 'broken',
      findings: [{ code: 'recorded-already' }],
      removal: { kind: 'left' },
    });
  });

  it('keeps times that the clock turned around readable', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    const timings = { startedAtMs: 1_000, queuedMs: -5_000, guardMs: 1, checkpointMs: 2 };
    await archives.keep(captureRequest(path, { timings }));
    await archives.refresh();
    expect(standings(archives)).toEqual([`${NAME} recorded`]);
  });

  it('is given up when asked to, and stays', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    const aborted = AbortSignal.abort();
    await expect(archives.keep(captureRequest(path), aborted)).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(existsSync(path)).toBe(true);
  });

  it('is refused outside of the checkpoints directory', async () => {
    const { archives } = await started();
    const elsewhere = join(tempDir(), NAME);
    writeFileSync(elsewhere, 'broken');
    await expect(archives.keep(captureRequest(elsewhere))).rejects.toMatchObject({
      code: 'bad-config',
    });
    expect(existsSync(elsewhere)).toBe(true);
  });
});

describe('a broken archive', () => {
  const broken = checkpointTar().subarray(0, 4096);

  it('of this very capture is removed and named', async () => {
    const { archives, path } = await started();
    writeFileSync(path, broken);
    expect(await archives.keep(captureRequest(path))).toMatchObject({
      kind: 'broken',
      archive: NAME,
      removal: { kind: 'removed' },
    });
    expect(existsSync(path)).toBe(false);
    expect(standings(archives)).toEqual([]);
  });

  const future: Partial<KeepRequest> = {
    timings: { startedAtMs: 4_000_000_000_000, queuedMs: 0, guardMs: 0, checkpointMs: 0 },
  };
  it.each<[string, (path: string) => void, Partial<KeepRequest>]>([
    ['that was there before the capture', (path) => writeFileSync(path, broken), future],
    [
      'that has a second name',
      (path) => {
        writeFileSync(path, broken);
        linkSync(path, `${path}.other`);
      },
      {},
    ],
    ['of another container', (path) => writeFileSync(path, checkpointTar({ container: 'db' })), {}],
    ['that is a link', (path) => symlinkSync('/etc/hostname', path), {}],
    ['that is a directory', (path) => mkdirSync(path), {}],
  ])('%s is left', async (_name, make, more) => {
    const { archives, directory, path } = await started();
    make(path);
    const before = readdirSync(directory);
    expect(await archives.keep(captureRequest(path, more))).toMatchObject({
      kind: 'broken',
      removal: { kind: 'left' },
    });
    expect(readdirSync(directory)).toEqual(before);
    expect(standings(archives)).toEqual([]);
  });

  it('that has a record already is left', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    await archives.keep(captureRequest(path));
    writeFileSync(path, broken);
    expect(await archives.keep(captureRequest(path))).toMatchObject({
      kind: 'broken',
      removal: { kind: 'left', why: 'a record of that name exists already' },
    });
  });

  it('that was never written is named', async () => {
    const { archives, path } = await started();
    expect(await archives.keep(captureRequest(path))).toMatchObject({
      kind: 'broken',
      findings: [{ code: 'file-missing' }],
    });
  });
});

describe('an archive that appears after its capture was given up', () => {
  it('is left while it grows, and adopted once it is whole', async () => {
    const { archives, path } = await started();
    const { archivePath, ...request } = captureRequest(path);
    writeFileSync(archivePath, checkpointTar().subarray(0, 9_000));
    expect(await archives.adopt(NAME, request)).toMatchObject({
      kind: 'broken',
      removal: { kind: 'left' },
    });
    writeFileSync(archivePath, checkpointTar());
    expect((await archives.adopt(NAME, request)).kind).toBe('kept');
  });
});

describe('the catalog', () => {
  it('is rebuilt from archives and records, and tells ours from foreign', async () => {
    const { archives, directory, path } = await started();
    writeFileSync(path, checkpointTar());
    await archives.keep(captureRequest(path));
    writeFileSync(join(directory, 'checkpoint-by-hand.tar'), 'x');
    writeFileSync(join(directory, 'checkpoint-journalled.tar'), 'xy');
    writeFileSync(join(directory, 'notes.txt'), 'x');
    symlinkSync(NAME, join(directory, 'checkpoint-link.tar'));
    mkdirSync(join(directory, 'checkpoint-dir.tar'));
    const again = createArchives({
      directory,
      store: openStore(':memory:'),
      clock: createFakeClock(),
    });
    const { archives: counts } = await again.start(new Set(['checkpoint-journalled.tar']));
    expect(counts).toEqual({ recorded: 1, unrecorded: 1, doubtful: 0, foreign: 1 });
    expect(standings(again)).toEqual([
      `${NAME} recorded`,
      'checkpoint-by-hand.tar foreign',
      'checkpoint-journalled.tar unrecorded',
    ]);
    expect(again.catalog.totalBytes()).toBe(checkpointTar().length + 3);
    expect(again.catalog.get(NAME)?.standing).toMatchObject({
      record: { rules: ['oom-nearing'], triggerId: 'trigger-1' },
    });
    again.catalog.remove(NAME);
    expect(again.catalog.get(NAME)).toBeUndefined();
  });

  it('doubts an archive whose size is not what the record says', async () => {
    const { archives, directory, path } = await started();
    writeFileSync(path, checkpointTar());
    await archives.keep(captureRequest(path));
    writeFileSync(path, 'other');
    expect((await listDirectory(directory))[0]?.standing.kind).toBe('doubtful');
  });

  it('does not lose an archive that is taken in while the directory is read', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    await Promise.all([
      archives.refresh(),
      archives.keep(captureRequest(path)),
      archives.refresh(),
    ]);
    expect(standings(archives)).toEqual([`${NAME} recorded`]);
  });
});

describe('without an agent', () => {
  it('shows what is in an archive, with or without a record', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    expect(await showArchive(path)).toMatchObject({
      verification: { facts: { metadata: { pod: 'cart-7d9f' } } },
      record: { kind: 'none' },
    });
    await archives.keep(captureRequest(path));
    expect(await showArchive(path)).toMatchObject({
      record: { kind: 'matches', record: { archive: NAME } },
    });
  });

  it('proves that a byte was changed', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    await archives.keep(captureRequest(path));
    const members = checkpointMembers().map((item) =>
      item.name === 'checkpoint/pages-1.img' ? { ...item, data: Buffer.alloc(5 * 4096, 1) } : item,
    );
    writeFileSync(path, tar(...members));
    const { record } = await verifyArchive(path);
    expect(record).toMatchObject({
      kind: 'differs',
      differences: [expect.stringMatching(/^sha256: record /)],
    });
  });

  it('says that a record is broken', async () => {
    const { archives, path } = await started();
    writeFileSync(path, checkpointTar());
    writeFileSync(join(archives.records.paths.records, `${NAME}.json`), '{');
    expect((await verifyArchive(path)).record.kind).toBe('broken');
  });

  it('an archive that is gone is not-found', async () => {
    const { path } = await started();
    writeFileSync(path, checkpointTar());
    unlinkSync(path);
    await expect(verifyArchive(path)).rejects.toMatchObject({ code: 'not-found' });
  });
});
