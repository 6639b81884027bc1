import { messageOf, StillpointError } from '../base/index.ts';
import type { Store } from './store.ts';

/**
 * A single value by its name; undefined when there is none. Hostile until its owner has checked
 * it. Errors: `store`, also for a document that is no JSON.
 */
export function readSetting(store: Store, name: string): unknown {
  const row = store.get('SELECT document FROM setting WHERE name = ?', name);
  if (row === undefined) return undefined;
  try {
    return JSON.parse(String(row.document));
  } catch (cause) {
    throw new StillpointError({
      code: 'store',
      message: `setting ${name} in the state database is no JSON: ${messageOf(cause)}`,
      cause,
    });
  }
}

/** Sets or replaces a single value, durably. */
export function writeSetting(store: Store, name: string, value: unknown): void {
  store.run(
    `INSERT INTO setting (name, document) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET document = excluded.document`,
    name,
    JSON.stringify(value),
  );
}
