/**
 * The schema of state.db, one step a version. A step that was released is never changed; a new one
 * is added below it. Tables hold JSON documents where only their owner looks inside.
 */
export const migrations: readonly string[] = [
  `
  -- dispatch: one row a trigger, from acceptance until its outcome is known.
  CREATE TABLE trigger_journal (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    container_id TEXT NOT NULL,
    accepted_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX trigger_journal_state ON trigger_journal (state);

  -- sources/schedule: when each schedule last ran.
  CREATE TABLE schedule_run (
    rule TEXT PRIMARY KEY,
    last_ms INTEGER NOT NULL
  ) STRICT;

  -- archive: the catalog; can always be rebuilt from archives and records.
  CREATE TABLE archive (
    name TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    document TEXT NOT NULL
  ) STRICT;

  -- dispatch: when captures began, for the hourly budget.
  CREATE TABLE capture_start (
    trigger_id TEXT PRIMARY KEY,
    started_ms INTEGER NOT NULL
  ) STRICT;

  -- agent and capture: single values (state of the rules, measured rates); see settings.ts.
  CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL
  ) STRICT;
  `,
];
