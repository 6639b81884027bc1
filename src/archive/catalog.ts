import type { Store } from '../store/index.ts';
import { type ArchiveEntry, byAge } from './listing.ts';

/**
 * The index of the archives on this node. What it holds was seen on disk and can always be seen
 * there again; in doubt the disk is right.
 */
export interface Catalog {
  /** Oldest first. */
  list(): ArchiveEntry[];
  get(name: string): ArchiveEntry | undefined;
  /** Adds or replaces. */
  put(entry: ArchiveEntry): void;
  /** Removing what is not there is harmless. */
  remove(name: string): void;
  /** Replaces everything, in one transaction that writes what differs. */
  replaceAll(entries: readonly ArchiveEntry[]): void;
  /** Of all archives, foreign ones too: they fill the same disk. */
  totalBytes(): number;
}

/** The catalog in the table `archive` of the state database. Errors are `store`. */
export function createCatalog(store: Store): Catalog {
  const put = (entry: ArchiveEntry) => {
    store.run(
      `INSERT INTO archive (name, created_ms, bytes, document) VALUES (?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET created_ms = excluded.created_ms,
       bytes = excluded.bytes, document = excluded.document`,
      entry.name,
      Math.floor(entry.createdMs),
      entry.bytes,
      JSON.stringify(entry),
    );
  };
  const remove = (name: string) => {
    store.run('DELETE FROM archive WHERE name = ?', name);
  };
  const read = (document: unknown) => JSON.parse(String(document)) as ArchiveEntry;
  return {
    list: () =>
      store
        .all('SELECT document FROM archive')
        .map((row) => read(row.document))
        .sort(byAge),
    get(name) {
      const row = store.get('SELECT document FROM archive WHERE name = ?', name);
      return row === undefined ? undefined : read(row.document);
    },
    put,
    remove,
    replaceAll(entries) {
      const gone = new Map(
        store
          .all('SELECT name, document FROM archive')
          .map(({ name, document }) => [String(name), document]),
      );
      const changed = entries.filter((entry) => gone.get(entry.name) !== JSON.stringify(entry));
      for (const { name } of entries) gone.delete(name);
      if (changed.length + gone.size === 0) return;
      store.transaction(() => {
        for (const name of gone.keys()) remove(name);
        for (const entry of changed) put(entry);
      });
    },
    totalBytes: () =>
      Number(store.get('SELECT coalesce(sum(bytes), 0) AS total FROM archive')?.total ?? 0),
  };
}
