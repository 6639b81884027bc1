import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type ReadSummary, readSummary } from '../../src/archive/listing.ts';
import { createRecordMemory } from '../../src/archive/record-memory.ts';
import { recordOf, triggerOf } from '../support/outcomes.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const ARCHIVE = 'checkpoint-cart-a_shop-app-2026-01-01T00:00:00.123Z.tar';

function rig() {
  const directory = join(tempDir(), 'records');
  mkdirSync(directory);
  const path = join(directory, `${ARCHIVE}.json`);
  let reads = 0;
  const counting: ReadSummary = (...question) => {
    reads++;
    return readSummary(...question);
  };
  const memory = createRecordMemory(counting);
  const write = (container: string) => {
    const record = { ...recordOf(triggerOf()), archive: ARCHIVE, container };
    writeFileSync(`${path}.new`, JSON.stringify(record));
    renameSync(`${path}.new`, path);
  };
  const read = async () => {
    const reading = await memory.read(path, ARCHIVE);
    memory.forgetUnread();
    return reading.kind === 'sound' ? reading.record.container : reading.kind;
  };
  return { path, memory, write, read, reads: () => reads };
}

describe('records that were read before', () => {
  it('are read once, and again when they were replaced', async () => {
    const { write, read, reads } = rig();
    write('app');
    expect([await read(), await read(), await read()]).toEqual(['app', 'app', 'app']);
    expect(reads()).toBe(1);
    // Of the same length.
    write('api');
    expect([await read(), await read()]).toEqual(['api', 'api']);
    expect(reads()).toBe(2);
  });

  it('are read again when somebody wrote into them', async () => {
    const { path, write, read } = rig();
    write('app');
    await read();
    writeFileSync(path, readFileSync(path, 'utf8').replace('"app"', '"xyz"'));
    expect(await read()).toBe('xyz');
  });

  it('that are gone or broken are never answered from memory', async () => {
    const { path, write, read } = rig();
    write('app');
    await read();
    writeFileSync(path, '{');
    expect([await read(), await read()]).toEqual(['broken', 'broken']);
    rmSync(path);
    expect(await read()).toBe('none');
  });

  it('are forgotten when nobody asks for them any more', async () => {
    const { write, read, memory, reads } = rig();
    write('app');
    await read();
    memory.forgetUnread();
    await read();
    expect(reads()).toBe(2);
  });
});
