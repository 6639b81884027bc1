import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cachedLayer } from '../../../scripts/image/layer-cache.ts';
import type { Layer } from '../../../scripts/image/oci.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stillpoint-layers-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const layer = (text: string): Layer => ({
  purpose: text,
  blob: Buffer.from(text),
  diffId: `sha256:${text}`,
  unpackedBytes: text.length,
});
const make = (text: string) => () => Promise.resolve(layer(text));
const never = () => Promise.reject(new Error('made again'));

describe('layers that seldom change', () => {
  it('are made once for a recipe', async () => {
    expect(await cachedLayer(directory, 'node-amd64', 'r1', make('one'))).toEqual(layer('one'));
    expect(await cachedLayer(directory, 'node-amd64', 'r1', never)).toEqual(layer('one'));
  });

  it('are made anew for another, whose layer takes the place of the old one', async () => {
    await cachedLayer(directory, 'node-amd64', 'r1', make('one'));
    await cachedLayer(directory, 'base-amd64', 'r1', make('base'));
    await cachedLayer(directory, 'node-amd64', 'r2', make('two'));
    expect(readdirSync(directory).sort()).toEqual([
      'base-amd64.r1.json',
      'base-amd64.r1.tar.gz',
      'node-amd64.r2.json',
      'node-amd64.r2.tar.gz',
    ]);
  });

  it('are made again when half of them is lost', async () => {
    await cachedLayer(directory, 'node-amd64', 'r1', make('one'));
    rmSync(join(directory, 'node-amd64.r1.tar.gz'));
    await expect(cachedLayer(directory, 'node-amd64', 'r1', never)).rejects.toThrow('made again');
  });
});
