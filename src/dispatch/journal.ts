import type { Store } from '../store/index.ts';
import type { Trigger } from './trigger.ts';

/**
 * How far a trigger has come. Written before the step it names begins, so that a crash leaves the
 * truth or one step too much, never one too few.
 */
export const journalStates = [
  'queued',
  'guarded',
  'checkpointing',
  'thawing',
  'thawed',
  'verifying',
  'recorded',
  'refused',
  'failed',
] as const;

export type JournalState = (typeof journalStates)[number];

/** The states in which nothing is left to do. */
const ENDED: ReadonlySet<JournalState> = new Set(['recorded', 'refused', 'failed']);

/** What the later steps learnt and a restart must know. */
export interface JournalFacts {
  backend?: string;
  backendReason?: string;
  /** Where the archive is or will be, once it is known. */
  archivePath?: string;
  /** Where the parts lie that an archive is to be made of; absent where the runtime makes it. */
  imagesFolder?: string;
  predictedFreezeMs?: number;
  /** When the backend was asked, wall clock: a file older than that is not this capture's. */
  startedAtMs?: number;
  /** How we meant to freeze the container ourselves; absent where only the runtime does. */
  frozenBy?: 'task' | 'freezer';
  /** Of the checkpoint, once the container runs: its record tells them, whoever writes it. */
  timings?: { guardMs: number; checkpointMs: number; frozenMs?: number };
  /**
   * The container stood still when the thaw check gave up. Whatever the state is, it is thawed
   * again and again, after a restart too, until this is false.
   */
  stuck?: boolean;
}

export interface JournalEntry {
  trigger: Trigger;
  state: JournalState;
  facts: JournalFacts;
  updatedMs: number;
}

/** The durable list of accepted triggers. A call that returned is on disk. */
export interface Journal {
  insert(trigger: Trigger): void;
  /** Replaces the trigger's document (a decision joined it). */
  update(trigger: Trigger): void;
  /** Notes the step that begins now; facts are added to those already there. */
  note(triggerId: string, state: JournalState, facts?: JournalFacts): void;
  /** Adds facts and leaves the state as it is. */
  noteFacts(triggerId: string, facts: JournalFacts): void;
  /** Those whose container may still stand still, in any state, oldest first. */
  stuck(): JournalEntry[];
  /** All that a crash or a stop left unfinished, oldest first. */
  unfinished(): JournalEntry[];
  /** How far the newest trigger has come whose archive has that path; undefined when none has. */
  stateOf(archivePath: string): JournalState | undefined;
  /** The newest entries, newest first. */
  recent(count: number): JournalEntry[];
  /**
   * Drops ended entries that are older than these wall times; returns how many. Refused ones can
   * be many, one each half minute while a disk is low, and no restart needs them. What is stuck
   * stays.
   */
  prune(before: { endedMs: number; refusedMs: number }): number;
}

interface JournalDocument {
  trigger: Trigger;
  facts: JournalFacts;
}

const ended = [...ENDED].map((state) => `'${state}'`).join(', ');
const isStuck = `coalesce(json_extract(document, '$.facts.stuck'), 0)`;

export function createJournal(store: Store, wallMs: () => number): Journal {
  const read = (id: string): JournalDocument | undefined => {
    const row = store.get('SELECT document FROM trigger_journal WHERE id = ?', id);
    return row ? (JSON.parse(String(row.document)) as JournalDocument) : undefined;
  };
  return {
    ...createReads(store),
    insert(trigger) {
      store.run(
        `INSERT INTO trigger_journal (id, state, container_id, accepted_ms, updated_ms, document)
         VALUES (?, 'queued', ?, ?, ?, ?)`,
        trigger.id,
        trigger.target.containerId,
        trigger.acceptedMs,
        wallMs(),
        JSON.stringify({ trigger, facts: {} } satisfies JournalDocument),
      );
    },
    update(trigger) {
      const facts = read(trigger.id)?.facts ?? {};
      store.run(
        'UPDATE trigger_journal SET document = ?, updated_ms = ? WHERE id = ?',
        JSON.stringify({ trigger, facts } satisfies JournalDocument),
        wallMs(),
        trigger.id,
      );
    },
    note(triggerId, state, facts = {}) {
      const document = read(triggerId);
      if (!document) return;
      const next: JournalDocument = { ...document, facts: { ...document.facts, ...facts } };
      store.run(
        'UPDATE trigger_journal SET state = ?, document = ?, updated_ms = ? WHERE id = ?',
        state,
        JSON.stringify(next),
        wallMs(),
        triggerId,
      );
    },
    noteFacts(triggerId, facts) {
      const document = read(triggerId);
      if (!document) return;
      store.run(
        'UPDATE trigger_journal SET document = ? WHERE id = ?',
        JSON.stringify({ ...document, facts: { ...document.facts, ...facts } }),
        triggerId,
      );
    },
    prune: ({ endedMs, refusedMs }) =>
      store.run(
        `DELETE FROM trigger_journal WHERE NOT ${isStuck} AND
         ((state IN (${ended}) AND updated_ms < ?) OR (state = 'refused' AND updated_ms < ?))`,
        endedMs,
        refusedMs,
      ),
  };
}

function createReads(store: Store): Pick<Journal, 'stuck' | 'unfinished' | 'stateOf' | 'recent'> {
  const all = (rest: string, ...values: number[]) =>
    store.all(`SELECT * FROM trigger_journal ${rest}`, ...values).map(toEntry);
  return {
    stuck: () => all(`WHERE ${isStuck} ORDER BY accepted_ms, rowid`),
    unfinished: () => all(`WHERE state NOT IN (${ended}) ORDER BY accepted_ms, rowid`),
    stateOf(archivePath) {
      const row = store.get(
        `SELECT state FROM trigger_journal WHERE json_extract(document, '$.facts.archivePath') = ?
         ORDER BY accepted_ms DESC, rowid DESC LIMIT 1`,
        archivePath,
      );
      return row && (row.state as JournalState);
    },
    recent: (count) => all('ORDER BY accepted_ms DESC, rowid DESC LIMIT ?', count),
  };
}

function toEntry(row: Record<string, unknown>): JournalEntry {
  const document = JSON.parse(String(row.document)) as JournalDocument;
  return {
    trigger: document.trigger,
    facts: document.facts,
    state: row.state as JournalState,
    updatedMs: Number(row.updated_ms),
  };
}
