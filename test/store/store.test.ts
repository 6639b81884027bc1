import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isStillpointError } from '../../src/base/index.ts';
import { openStore, readSetting, writeSetting } from '../../src/store/index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stillpoint-store-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function errorOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('the state database', () => {
  it('is made with its directory, readable by its owner only, and keeps what was written', () => {
    const path = join(directory, 'deep', 'state.db');
    const store = openStore(path);
    store.run('INSERT INTO setting VALUES (?, ?)', 'a', '1');
    store.close();
    expect(statSync(join(directory, 'deep')).mode & 0o777).toBe(0o700);
    const again = openStore(path);
    expect(again.get('SELECT document FROM setting WHERE name = ?', 'a')).toEqual({
      document: '1',
    });
    again.close();
  });

  it('keeps its files from all others, also those that an older version has made', () => {
    const path = join(directory, 'state.db');
    writeFileSync(path, '', { mode: 0o644 });
    const store = openStore(path);
    store.run('INSERT INTO setting VALUES (?, ?)', 'a', '1');
    const modes = ['', '-wal', '-shm'].map((end) => statSync(`${path}${end}`).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600]);
    store.close();
  });

  it('undoes a transaction that throws', () => {
    const store = openStore(':memory:');
    const failing = () =>
      store.transaction(() => {
        store.run('INSERT INTO setting VALUES (?, ?)', 'a', '1');
        throw new Error('no');
      });
    expect(failing).toThrow('no');
    expect(store.all('SELECT * FROM setting')).toEqual([]);
  });

  it('tells that a transaction cannot begin, end or be undone as an error of its own', () => {
    const path = join(directory, 'state.db');
    const store = openStore(path);
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    store.run('PRAGMA busy_timeout=0');
    expect(
      isStillpointError(
        errorOf(() => store.transaction(() => undefined)),
        'store',
      ),
    ).toBe(true);
    other.exec('ROLLBACK');
    other.close();
    expect(store.transaction(() => 'now')).toBe('now');
  });

  it('throws what the work threw also when SQLite has undone the transaction by itself', () => {
    const store = openStore(':memory:');
    const failing = () =>
      store.transaction(() => {
        store.run('ROLLBACK');
        throw new Error('the disk is full');
      });
    expect(failing).toThrow('the disk is full');
    expect(store.transaction(() => 'again')).toBe('again');
  });

  it('keeps single values, and says which one cannot be read', () => {
    const store = openStore(':memory:');
    expect(readSetting(store, 'rates')).toBeUndefined();
    writeSetting(store, 'rates', { a: 1 });
    writeSetting(store, 'rates', { a: 2 });
    expect(readSetting(store, 'rates')).toEqual({ a: 2 });
    store.run("UPDATE setting SET document = '{'");
    const error = errorOf(() => readSetting(store, 'rates'));
    expect(isStillpointError(error, 'store') && error.message).toContain('setting rates');
  });

  it('refuses a file of a newer version and says what to do', () => {
    const path = join(directory, 'state.db');
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version=999');
    database.close();
    const error = errorOf(() => openStore(path));
    expect(isStillpointError(error, 'store') && error.message).toContain('newer Stillpoint');
  });

  it('refuses a file that is no database', () => {
    const path = join(directory, 'state.db');
    writeFileSync(path, 'not a database at all, just some text that is long enough');
    expect(
      isStillpointError(
        errorOf(() => openStore(path)),
        'store',
      ),
    ).toBe(true);
  });
});
