import { lstat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ArchiveEntry,
  type Archives,
  identityOf,
  isArchiveName,
  readEntry,
  sameFile,
  syncDirectory,
} from '../archive/index.ts';
import { messageOf } from '../base/index.ts';
import type { PlannedRemoval } from './plan.ts';

/** Why an archive that was planned for removal was not touched, with its sentence. */
export const heldBackReasons = {
  gone: 'it is not there any more',
  'not-ours': 'it has no sound record now',
  changed: 'file or record changed since the plan was made',
  stopped: 'the sweep was asked to stop',
} as const;

export type HeldBackCode = keyof typeof heldBackReasons;

/** What became of one planned removal. */
export type SweepResult =
  | { kind: 'removed'; name: string; bytes: number; policy: string }
  /** Dry run: it would be removed now. */
  | { kind: 'would-remove'; name: string; bytes: number; policy: string }
  | { kind: 'held-back'; name: string; policy: string; code: HeldBackCode; detail: string }
  /** The file system refused; `archive` tells whether the archive is still there. */
  | { kind: 'failed'; name: string; policy: string; archive: 'kept' | 'removed'; error: unknown };

/** What a sweep works on: the archives, and their entries as the plan saw them. */
export interface SweepScope {
  archives: Pick<Archives, 'directory' | 'catalog' | 'records'>;
  planned: ReadonlyMap<string, ArchiveEntry>;
}

/**
 * Carries removals out, one after the other. Each is looked at again first: a regular file of that
 * name in the directory itself, the very file of the plan, its record readable and unchanged (so
 * that a hold set meanwhile counts). Then, with every step on disk before the next:
 *
 * 1. the record is moved to `.stillpoint/removing/`
 * 2. the archive is unlinked
 * 3. the record is unlinked
 *
 * A crash between them leaves a state that src/archive/leftovers.ts names and decides: before 2
 * the record comes back, after 2 it goes. Never throws; what fails is in the results.
 */
export async function carryOut(
  removals: readonly PlannedRemoval[],
  scope: SweepScope,
  options: { dryRun?: boolean; signal?: AbortSignal } = {},
): Promise<SweepResult[]> {
  const results: SweepResult[] = [];
  for (const removal of removals) {
    results.push(
      options.signal?.aborted
        ? heldBack(removal, 'stopped', '')
        : await removeOne(removal, scope, options.dryRun ?? false),
    );
  }
  return results;
}

async function removeOne(
  removal: PlannedRemoval,
  scope: SweepScope,
  dryRun: boolean,
): Promise<SweepResult> {
  const { name, policy } = removal;
  let doubt: SweepResult | undefined;
  try {
    doubt = await lookAgain(removal, scope);
  } catch (error) {
    return { kind: 'failed', name, policy, archive: 'kept', error };
  }
  if (doubt) return doubt;
  const removed = { name, policy, bytes: removal.bytes };
  if (dryRun) return { kind: 'would-remove', ...removed };
  return (await unlinkBoth(removal, scope)) ?? { kind: 'removed', ...removed };
}

/** Undefined when the archive is still exactly what the plan decided on. */
async function lookAgain(
  removal: PlannedRemoval,
  { archives, planned }: SweepScope,
): Promise<SweepResult | undefined> {
  const { name } = removal;
  const before = planned.get(name);
  if (!before || !isArchiveName(name)) return heldBack(removal, 'changed', 'not in the plan');
  const now = await readEntry(archives.directory, name);
  if (!now) {
    archives.catalog.remove(name);
    return heldBack(removal, 'gone', '');
  }
  if (now.standing.kind !== 'recorded') {
    const detail = now.standing.kind === 'doubtful' ? now.standing.why : now.standing.kind;
    return heldBack(removal, 'not-ours', detail);
  }
  if (!sameFile(before.identity, now.identity)) return heldBack(removal, 'changed', 'the file');
  // Both come from one function, so equal content gives equal text.
  if (JSON.stringify(before.standing) !== JSON.stringify(now.standing)) {
    return heldBack(removal, 'changed', 'the record');
  }
  return undefined;
}

/** The three steps; undefined when all were done. */
async function unlinkBoth(
  removal: PlannedRemoval,
  { archives, planned }: SweepScope,
): Promise<SweepResult | undefined> {
  const { name, policy } = removal;
  const { directory, records, catalog } = archives;
  const path = join(directory, name);
  const failed = (error: unknown, archive: 'kept' | 'removed'): SweepResult => ({
    kind: 'failed',
    name,
    policy,
    archive,
    error,
  });
  try {
    await records.beginRemoval(name);
  } catch (error) {
    return failed(error, 'kept');
  }
  try {
    // Between the last look and here lie the syncs of the record: milliseconds, but not none.
    const identity = identityOf(await lstat(path, { bigint: true }));
    const before = planned.get(name)?.identity;
    if (!before || !sameFile(before, identity)) {
      await records.cancelRemoval(name);
      return heldBack(removal, 'changed', 'the file');
    }
    await unlink(path);
  } catch (error) {
    return failed(await undo(() => records.cancelRemoval(name), error), 'kept');
  }
  try {
    catalog.remove(name);
    await syncDirectory(directory);
    await records.endRemoval(name);
  } catch (error) {
    return failed(error, 'removed');
  }
  return undefined;
}

/** Runs the way back; when that fails too, both are told. */
async function undo(back: () => Promise<void>, error: unknown): Promise<unknown> {
  try {
    await back();
    return error;
  } catch (second) {
    return new AggregateError([error, second], `${messageOf(error)}; ${messageOf(second)}`);
  }
}

function heldBack(removal: PlannedRemoval, code: HeldBackCode, detail: string): SweepResult {
  return { kind: 'held-back', name: removal.name, policy: removal.policy, code, detail };
}
