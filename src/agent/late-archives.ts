import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Archives, isArchiveName, type KeepRequest } from '../archive/index.ts';
import { type Cancel, type Clock, isStillpointError, type Logger } from '../base/index.ts';
import { beginOfName, type LateArchive } from '../capture/index.ts';
import type { Facts } from './facts.ts';

/** An archive of a capture that was given up, should one appear. */
export type LateRequest = Omit<KeepRequest, 'archivePath'>;

export interface LateArchivesOptions {
  archives: Archives;
  facts: Facts;
  clock: Clock;
  log: Logger;
  onArchived(): void;
}

/**
 * Waits for archives that a given-up capture may still write: the runtime goes on after a client
 * has hung up. A complete one is adopted; after 15 minutes what is broken is removed.
 */
export interface LateArchives {
  expect(late: LateArchive, request: LateRequest): void;
  stop(): void;
}

interface Expected {
  late: LateArchive;
  request: LateRequest;
  untilMs: number;
  /** Size at the last look, by name: a file is looked into once it has stopped growing. */
  sizes: Map<string, number>;
}

const LOOK_EVERY_MS = 5_000;
const PATIENCE_MS = 900_000;

export function createLateArchives(options: LateArchivesOptions): LateArchives {
  const { archives, facts, clock, log, onArchived } = options;
  const expected = new Set<Expected>();
  let cancel: Cancel = () => undefined;
  let looking = false;

  const adopt = async (one: Expected, name: string): Promise<'done' | 'not-yet'> => {
    const isLast = clock.monotonicMs() >= one.untilMs;
    const result = isLast
      ? await archives.keep({ ...one.request, archivePath: join(archives.directory, name) })
      : await archives.adopt(name, one.request);
    if (result.kind === 'broken') {
      if (isLast) log.warn('late-archive-broken', { archive: name, removal: result.removal });
      return isLast ? 'done' : 'not-yet';
    }
    const { trigger } = one.request;
    log.info('late-archive-adopted', { archive: name, trigger: trigger.id });
    facts.tell({ kind: 'ended', outcome: { kind: 'archived', trigger, record: result.record } });
    onArchived();
    return 'done';
  };

  const look = async (one: Expected): Promise<void> => {
    for (const name of candidates(archives.directory, one)) {
      const bytes = statSync(join(archives.directory, name), { throwIfNoEntry: false })?.size ?? 0;
      const settled = one.sizes.get(name) === bytes;
      one.sizes.set(name, bytes);
      if (settled && (await adopt(one, name)) === 'done') {
        expected.delete(one);
        return;
      }
    }
    if (clock.monotonicMs() >= one.untilMs) expected.delete(one);
  };

  const lookAtAll = async () => {
    if (looking) return;
    looking = true;
    for (const one of [...expected]) {
      try {
        await look(one);
      } catch (error) {
        log.warn('late-archive-not-read', { error });
        if (!isStillpointError(error) || !error.retryable) expected.delete(one);
      }
    }
    looking = false;
    if (expected.size === 0) {
      cancel();
      cancel = () => undefined;
    }
  };

  return {
    expect(late, request) {
      const untilMs = clock.monotonicMs() + PATIENCE_MS;
      if (expected.size === 0) cancel = clock.every(LOOK_EVERY_MS, () => void lookAtAll());
      expected.add({ late, request, untilMs, sizes: new Map() });
    },
    stop: () => cancel(),
  };
}

/** The kubelet's names have whole seconds. */
const NAME_SLACK_MS = 1_000;

/** Names in the directory that can be this capture's: its own, or one the kubelet chose since. */
function candidates(directory: string, { late, request }: Expected): string[] {
  const wanted = late.path === undefined ? undefined : basename(late.path);
  return readdirSync(directory).filter((name) => {
    if (!isArchiveName(name)) return false;
    if (wanted !== undefined) return name === wanted;
    const begunMs = beginOfName(request.trigger.target, name);
    return begunMs !== undefined && begunMs >= late.sinceMs - NAME_SLACK_MS;
  });
}
