import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type Archives,
  imagesBytes,
  isArchiveName,
  judgeFullDisk,
  type KeepRequest,
} from '../archive/index.ts';
import { type Cancel, type Clock, createQuietLog, type Logger, messageOf } from '../base/index.ts';
import { beginOfName, type LateArchive } from '../capture/index.ts';
import { readSetting, type Store, writeSetting } from '../store/index.ts';
import type { Facts } from './facts.ts';

/** An archive of a capture that was given up, should one appear. */
export type LateRequest = Omit<KeepRequest, 'archivePath'>;

export interface LateArchivesOptions {
  archives: Archives;
  store: Store;
  facts: Facts;
  clock: Clock;
  log: Logger;
  /** An archive of that trigger is there after all, with its record. */
  onAdopted(triggerId: string, archivePath: string): void;
}

/**
 * Waits for archives that a given-up capture may still write: the runtime goes on after a client
 * has hung up. A complete one is adopted; after 15 minutes what is broken is removed, and after 15
 * seconds where the runtime had said that it failed: both runtimes leave a half file then. Who is
 * waited for is kept in the store: a restart in between must not turn an archive of ours into a foreign
 * one. Where images are left to us, the archive is made of them once they are whole.
 */
export interface LateArchives {
  /** Goes on with what a stop or a crash interrupted. Error: `store`. */
  start(): void;
  expect(late: LateArchive, request: LateRequest): void;
  /** File names of archives that are waited for and whose name is known. Error: `store`. */
  awaited(): readonly string[];
  /** Resolves when no look is under way. */
  settled(): Promise<void>;
  /** Looks no more; resolves when nothing is looked into. */
  stop(): Promise<void>;
}

interface Expected {
  late: LateArchive;
  request: LateRequest;
  untilMs: number;
  /** Size at the last look, by name: a file is looked into once it has stopped growing. */
  sizes: Map<string, number>;
}

/** As it lies in the store: times of the wall clock. */
interface Saved {
  late: LateArchive;
  request: LateRequest;
  untilWallMs: number;
}

const NAME = 'late-archives';
const LOOK_EVERY_MS = 5_000;
const PATIENCE_MS = 900_000;
/** After a restart, or the runtime's last word, a file is still given time to be seen twice. */
const PATIENCE_MS_MIN = 3 * LOOK_EVERY_MS;

export function createLateArchives(options: LateArchivesOptions): LateArchives {
  return new LateArchivesImpl(options);
}

class LateArchivesImpl implements LateArchives {
  readonly #options: LateArchivesOptions;
  readonly #quiet: ReturnType<typeof createQuietLog>;
  readonly #expected = new Set<Expected>();
  readonly #abort = new AbortController();
  #cancel: Cancel | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: LateArchivesOptions) {
    this.#options = options;
    this.#quiet = createQuietLog(options.log, options.clock);
  }

  start(): void {
    const { store, clock } = this.#options;
    const saved = (readSetting(store, NAME) ?? []) as Saved[];
    for (const { late, request, untilWallMs } of saved) {
      const leftMs = Math.min(untilWallMs - clock.wallMs(), PATIENCE_MS);
      this.#add({ late, request }, Math.max(leftMs, PATIENCE_MS_MIN));
    }
  }

  expect(late: LateArchive, request: LateRequest): void {
    this.#add({ late, request }, late.endedMs === undefined ? PATIENCE_MS : PATIENCE_MS_MIN);
    this.#save();
  }

  awaited(): readonly string[] {
    const saved = (readSetting(this.#options.store, NAME) ?? []) as Saved[];
    return saved.flatMap(({ late: { path } }) => (path === undefined ? [] : [basename(path)]));
  }

  async settled(): Promise<void> {
    await this.#looking;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#cancel?.();
    await this.settled();
  }

  #add(one: Pick<Expected, 'late' | 'request'>, leftMs: number): void {
    const { clock } = this.#options;
    for (const known of this.#expected) {
      if (known.request.trigger.id === one.request.trigger.id) this.#expected.delete(known);
    }
    this.#expected.add({ ...one, untilMs: clock.monotonicMs() + leftMs, sizes: new Map() });
    this.#cancel ??= clock.every(LOOK_EVERY_MS, () => {
      this.#looking ??= this.#lookAtAll().finally(() => {
        this.#looking = undefined;
      });
    });
  }

  async #lookAtAll(): Promise<void> {
    for (const one of [...this.#expected]) {
      if (this.#abort.signal.aborted) return;
      // Settled before the look: it may take its time, and the last one is the one that removes.
      const isLast = this.#options.clock.monotonicMs() >= one.untilMs;
      try {
        if ((await this.#look(one, isLast)) === 'over') this.#forget(one);
      } catch (error) {
        if (await this.#givesUpImages(one, error)) continue;
        // A directory that is away, a disk that is full: both may be better at the next look.
        const { trigger } = one.request;
        this.#quiet.warn('late-archive-not-read', trigger.id, { trigger: trigger.id, error });
      }
    }
  }

  /** See judgeFullDisk; what is waited for anyway has that time besides. */
  async #givesUpImages(one: Expected, error: unknown): Promise<boolean> {
    const { archives, clock, log } = this.#options;
    const { imagesFolder } = one.request;
    if (imagesFolder === undefined) return false;
    const decision = judgeFullDisk(error, Math.max(0, clock.monotonicMs() - one.untilMs));
    if (decision?.kind !== 'give-up') return false;
    const removal = await archives.giveUpImages(imagesFolder).catch((why) => messageOf(why));
    const { reason, detail } = decision;
    log.error('images-given-up', { imagesFolder, reason, detail, removal });
    this.#forget(one);
    return true;
  }

  /** `again`: nothing is there yet, or what is there may not be judged yet. */
  async #look(one: Expected, isLast: boolean): Promise<'over' | 'again'> {
    const { directory } = this.#options.archives;
    let isGrowing = false;
    for (const name of candidates(directory, one)) {
      const bytes = await bytesOf(join(directory, name), one);
      const settled = one.sizes.get(name) === bytes;
      one.sizes.set(name, bytes);
      if (settled && (await this.#adopt(one, name, isLast)) === 'done') return 'over';
      isGrowing ||= !settled;
    }
    return isLast && !isGrowing ? 'over' : 'again';
  }

  async #adopt(one: Expected, name: string, isLast: boolean): Promise<'done' | 'not-yet'> {
    const { archives, facts, log, onAdopted } = this.#options;
    const { request } = one;
    const { signal } = this.#abort;
    const archivePath = join(archives.directory, name);
    const result = isLast
      ? await archives.keep({ ...request, archivePath }, signal)
      : await archives.adopt(name, request, signal);
    if (result.kind === 'broken') {
      if (isLast) log.warn('late-archive-broken', { archive: name, removal: result.removal });
      return 'not-yet';
    }
    const { trigger } = request;
    log.info('late-archive-adopted', { archive: name, trigger: trigger.id });
    onAdopted(trigger.id, archivePath);
    facts.tell({ kind: 'ended', outcome: { kind: 'archived', trigger, record: result.record } });
    return 'done';
  }

  #forget(one: Expected): void {
    if (!this.#expected.delete(one)) return;
    this.#save();
    if (this.#expected.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** A list that cannot be written costs at most an adoption after a restart. */
  #save(): void {
    const { store, clock, log } = this.#options;
    const aheadMs = clock.wallMs() - clock.monotonicMs();
    const saved = [...this.#expected].map(
      ({ late, request, untilMs }): Saved => ({ late, request, untilWallMs: untilMs + aheadMs }),
    );
    try {
      writeSetting(store, NAME, saved);
    } catch (error) {
      log.error('late-archives-not-saved', { error });
    }
  }
}

/** Of the images that an archive is to be made of, else of the file itself. */
async function bytesOf(path: string, { request }: Expected): Promise<number> {
  const { imagesFolder } = request;
  const ofImages = imagesFolder === undefined ? undefined : await imagesBytes(imagesFolder);
  return ofImages ?? lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The kubelet's names have whole seconds, those of other backends have not. */
const NAME_STEP_MS = 1_000;
/**
 * It takes the time for the name before it asks the runtime. What is begun later is another
 * capture, ours or somebody's by hand.
 */
const NAME_LATENCY_MS = 30_000;

/** Names in the directory that can be this capture's: its own, or the one that the kubelet chose. */
function candidates(directory: string, { late, request }: Expected): string[] {
  const wanted = late.path === undefined ? undefined : basename(late.path);
  const { imagesFolder } = request;
  if (wanted !== undefined && imagesFolder !== undefined && existsSync(imagesFolder)) {
    return [wanted];
  }
  return readdirSync(directory).filter((name) => {
    if (!isArchiveName(name)) return false;
    if (wanted !== undefined) return name === wanted;
    const begunMs = beginOfName(request.trigger.target, name);
    if (begunMs === undefined || begunMs % NAME_STEP_MS !== 0) return false;
    const lastMs = late.endedMs ?? late.sinceMs + NAME_LATENCY_MS;
    return begunMs > late.sinceMs - NAME_STEP_MS && begunMs <= lastMs;
  });
}
