import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { messageOf, StillpointError } from '../base/index.ts';
import { migrations } from './migrations.ts';

/** A row as SQLite gives it. */
export type Row = Record<string, string | number | null>;

/**
 * The state database: one SQLite file, WAL, synchronous=FULL, so that a statement that returned
 * is on disk (0.25 ms). All errors are `store`, but for what the work of a transaction throws.
 */
export interface Store {
  all(sql: string, ...values: SQLInputValue[]): Row[];
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  /** Returns how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number;
  /** Runs `work` in one transaction: all of it or nothing. Not nestable. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Opens (and makes) the database at `path`, or one in memory for `:memory:`; migrates it. */
export function openStore(path: string): Store {
  try {
    if (path !== ':memory:') {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      makePrivate(path);
    }
    const database = new DatabaseSync(path);
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000;');
    migrate(database, path);
    return wrap(database, path);
  } catch (error) {
    throw fromSqlite(error, path, 'open');
  }
}

/**
 * SQLite makes its files for all to read; those beside the database get its mode. A file that is
 * there is never opened here: closing it again would drop a lock that this process holds.
 */
function makePrivate(path: string): void {
  if (!statSync(path, { throwIfNoEntry: false })) closeSync(openSync(path, 'wx', 0o600));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
    if ((mode & 0o077) !== 0) chmodSync(file, 0o600);
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const row = database.prepare('PRAGMA user_version').get();
  const version = Number(row?.user_version ?? 0);
  if (version > migrations.length) {
    throw new StillpointError({
      code: 'store',
      message: `${path} was written by a newer Stillpoint (schema ${version}, this one knows ${migrations.length})`,
      hint: 'Run the newer version, or move the file away: the catalog is rebuilt from the archives.',
    });
  }
  for (let next = version; next < migrations.length; next++) {
    database.exec(`BEGIN; ${migrations[next]}; PRAGMA user_version=${next + 1}; COMMIT;`);
  }
}

function wrap(database: DatabaseSync, path: string): Store {
  const prepared = new Map<string, StatementSync>();
  const prepare = (sql: string) => {
    const known = prepared.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  };
  const guarded = <T>(sql: string, work: (statement: StatementSync) => T): T => {
    try {
      return work(prepare(sql));
    } catch (error) {
      throw fromSqlite(error, path, sql);
    }
  };
  return {
    all: (sql, ...values) => guarded(sql, (statement) => statement.all(...values) as Row[]),
    get: (sql, ...values) =>
      guarded(sql, (statement) => statement.get(...values) as Row | undefined),
    run: (sql, ...values) => guarded(sql, (statement) => Number(statement.run(...values).changes)),
    transaction(work) {
      const exec = (sql: string) => {
        try {
          database.exec(sql);
        } catch (error) {
          throw fromSqlite(error, path, sql);
        }
      };
      exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        exec('COMMIT');
        return result;
      } catch (error) {
        // On a full disk SQLite has rolled back by itself.
        if (database.isTransaction) exec('ROLLBACK');
        throw error;
      }
    },
    close: () => database.close(),
  };
}

/** SQLite's errors become ours here and nowhere else. */
function fromSqlite(error: unknown, path: string, doing: string): StillpointError {
  if (error instanceof StillpointError) return error;
  return new StillpointError({
    code: 'store',
    message: `state database ${path}: ${messageOf(error)} (${doing.slice(0, 120)})`,
    cause: error,
  });
}
