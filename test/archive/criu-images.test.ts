import { describe, expect, it } from '@jest/globals';
import { type ByteSource, bytesSource } from '../../src/archive/byte-source.ts';
import {
  parseCoreMachine,
  parseInventory,
  parsePstree,
  parseStats,
  sumPagemap,
} from '../../src/archive/criu-images.ts';
import { isStillpointError } from '../../src/base/index.ts';
import {
  bytesField,
  image,
  inventoryImage,
  type PageRun,
  pagemapImage,
  statsImage,
  varintField,
} from '../support/checkpoint-archive.ts';

const sum = (bytes: Buffer, source: ByteSource = bytesSource(bytes)) =>
  sumPagemap(source, 0, bytes.length);
const pstree = (...entries: Buffer[]) => image(0x54564319, 0x50273030, entries);

describe('images of CRIU', () => {
  it('inventory: the version of the images', () => {
    expect(parseInventory(inventoryImage(2))).toEqual({ imageVersion: 2 });
  });

  it('pstree: processes with their threads, packed or not', () => {
    const plain = Buffer.concat([varintField(1, 1), varintField(5, 1), varintField(5, 9)]);
    const packed = Buffer.concat([varintField(1, 300), bytesField(5, Buffer.from([0xac, 2, 44]))]);
    expect(parsePstree(pstree(plain, packed))).toEqual([
      { pid: 1, threads: [1, 9] },
      { pid: 300, threads: [300, 44] },
    ]);
  });

  it('pstree: a process with more threads than a call has arguments', () => {
    const entry = Buffer.concat([varintField(1, 1), bytesField(5, Buffer.alloc(500_000, 7))]);
    expect(parsePstree(pstree(entry))[0]?.threads).toHaveLength(500_000);
  });

  it('core: the machine', () => {
    expect(parseCoreMachine(image(0x54564319, 0x55053847, [varintField(1, 3)]))).toBe(3);
  });

  it('stats: microseconds become milliseconds', () => {
    expect(parseStats(statsImage())).toMatchObject({ freezingMs: 1.5, frozenMs: 98.793 });
  });

  it('stats of a restore tell nothing of a dump', () => {
    const restore = image(0x55105940, 0x57093306, [bytesField(2, varintField(1, 5))]);
    expect(parseStats(restore)).toBeUndefined();
  });

  it.each<[string, PageRun[], number, number]>([
    ['no runs', [], 0, 0],
    ['the field of CRIU 4.2 and the older one', [{ pages: 300 }, { pages: 5, old: true }], 305, 0],
    ['pages of an earlier dump', [{ pages: 3 }, { pages: 4, inParent: true }], 3, 4],
    ['the same by flag', [{ pages: 3 }, { pages: 4, flags: 1 }], 3, 4],
    ['lazy pages, which lie in no file', [{ pages: 3 }, { pages: 4, flags: 2 }], 3, 0],
  ])('page map: %s', async (_name, runs, pages, parentPages) => {
    expect(await sum(pagemapImage(7, runs))).toEqual({ pagesId: 7, pages, parentPages });
  });

  it('page map larger than one read, whatever the boundary cuts', async () => {
    const runs = Array.from({ length: 9_000 }, (_, index) => ({ pages: index % 300 }));
    const bytes = pagemapImage(1, runs);
    expect(bytes.length).toBeGreaterThan(128 * 1024);
    const pages = runs.reduce((total, run) => total + run.pages, 0);
    expect(await sum(bytes)).toEqual({ pagesId: 1, pages, parentPages: 0 });
  });
});

describe('a malformed image is archive-broken, never a crash', () => {
  const entry = varintField(1, 1);
  it.each<[string, () => unknown]>([
    ['inventory of another magic', () => parseInventory(pstree(entry))],
    ['inventory of two bytes', () => parseInventory(Buffer.from([0x16, 0x31]))],
    ['pstree cut off', () => parsePstree(pstree(entry).subarray(0, 13))],
    [
      'pstree with a huge entry',
      () => parsePstree(Buffer.concat([pstree(), Buffer.alloc(4, 255)])),
    ],
    ['a process without pid', () => parsePstree(pstree(varintField(2, 1)))],
    ['a varint of 11 bytes', () => parsePstree(pstree(Buffer.alloc(11, 0x88)))],
    ['a group, which protobuf 3 has not', () => parsePstree(pstree(Buffer.from([0x0b])))],
    ['field number 0', () => parsePstree(pstree(Buffer.from([0x00, 0x01])))],
    ['bytes longer than the entry', () => parsePstree(pstree(Buffer.from([0x2a, 0x7f, 1])))],
    ['a fixed field cut off', () => parsePstree(pstree(Buffer.from([0x09, 1, 2])))],
    ['a core image without machine', () => parseCoreMachine(image(0x54564319, 0x55053847, []))],
  ])('%s', (_name, parse) => {
    let thrown: unknown;
    try {
      parse();
    } catch (error) {
      thrown = error;
    }
    expect(isStillpointError(thrown, 'archive-broken')).toBe(true);
  });

  it.each<[string, Buffer]>([
    ['cut off', pagemapImage(1, [{ pages: 3 }]).subarray(0, -2)],
    ['without head', image(0x54564319, 0x56084025, [])],
    ['of another magic', pstree(entry)],
    ['with an entry of megabytes', image(0x54564319, 0x56084025, [entry, Buffer.alloc(1 << 20)])],
    [
      'with more pages than a number holds',
      image(0x54564319, 0x56084025, [
        entry,
        Buffer.concat([Buffer.from([0x28]), Buffer.alloc(9, 0xff), Buffer.from([1])]),
      ]),
    ],
  ])('page map %s', async (_name, bytes) => {
    await expect(sum(bytes)).rejects.toMatchObject({ code: 'archive-broken' });
  });
});
