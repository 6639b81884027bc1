import { join, resolve } from 'node:path';
import { type Clock, isStillpointError, type StillpointError } from '../base/index.ts';
import { imagesRoot } from '../capture/index.ts';
import { type FileLock, type Store, type TakeFileLock, takeFileLock } from '../store/index.ts';
import {
  clearImageLeftovers,
  type ImageLeftover,
  type ImagesClaim,
  imagesSpaceBytes,
  type Removal,
  removeImages,
} from './assembly/index.ts';
import { type Catalog, createCatalog } from './catalog.ts';
import { lockDirectory } from './directory-lock.ts';
import { type KeepRequest, type KeepResult, keepArchive } from './keep.ts';
import { clearLeftovers, type Leftover } from './leftovers.ts';
import { listDirectory } from './listing.ts';
import { createRecordMemory } from './record-memory.ts';
import { createRecords, type Records } from './records.ts';

/** What was found when the archives of this node were taken over. */
export interface ArchivesStart {
  leftovers: readonly Leftover[];
  /** Images of captures, of which no archive was made before. */
  images: readonly ImageLeftover[];
  /** Number of archives by standing. */
  archives: Readonly<Record<'recorded' | 'unrecorded' | 'doubtful' | 'foreign', number>>;
}

/** The archives of one checkpoints directory, for the one agent that owns it. */
export interface Archives {
  readonly directory: string;
  readonly catalog: Catalog;
  readonly records: Records;
  /**
   * Makes `.stillpoint/` and locks the directory for this process; a second call is harmless. While
   * another agent has it (`conflict`), no other call touches it: they fail the same way. Errors
   * besides: `not-writable`, `bad-input`, `disk-low`, `io`, `store`.
   */
  claim(): Promise<void>;
  /**
   * Makes `.stillpoint/`, clears what a crash left there and rebuilds the catalog from what is on
   * disk. Called before anything else; may be repeated after a failure. `journalled` names archives
   * that the trigger journal claims, `claimOf` says what it knows of the capture of an archive. Errors: `not-writable`, `bad-input`, `disk-low`, `io`, `store`.
   */
  start(
    journalled?: ReadonlySet<string>,
    claimOf?: (archivePath: string) => ImagesClaim,
  ): Promise<ArchivesStart>;
  /** Takes the archive of a finished capture in; a broken one is removed. See keepArchive. */
  keep(request: KeepRequest, signal?: AbortSignal): Promise<KeepResult>;
  /**
   * Takes in an archive that appeared after its capture was given up. A broken one may still be
   * being written: it is left, and the call is to be repeated; `keep` ends the waiting.
   */
  adopt(
    name: string,
    request: Omit<KeepRequest, 'archivePath'>,
    signal?: AbortSignal,
  ): Promise<KeepResult>;
  /** What images take of the disk, of which no archive was made yet. */
  imagesSpaceBytes(): number;
  /** Removes images of which no archive will be made. Errors: `not-writable`, `io`. */
  giveUpImages(folder: string): Promise<Removal>;
  /** Sees the directory again: what others added or took away. */
  refresh(): Promise<void>;
  /** Gives the directory free for another agent. */
  release(): void;
}

export function createArchives(options: {
  directory: string;
  store: Store;
  clock: Clock;
  /** Default: the operating system's; see takeFileLock. */
  takeLock?: TakeFileLock;
  /** What must stay free of the disk when an archive is made of images; 0 when left out. */
  spareBytes?: () => number;
  /** Where images may lie in memory; see imageLeftovers. */
  memoryDirectory?: string;
}): Archives {
  const directory = resolve(options.directory);
  const catalog = createCatalog(options.store);
  const records = createRecords(directory);
  const { clock, spareBytes } = options;
  const tools = { directory, catalog, records, clock, spareBytes };
  const memory = createRecordMemory();
  let claimed: ReadonlySet<string> = new Set();
  const claim = createClaim(directory, records, options.takeLock ?? takeFileLock);
  const inTurn = createTurns(claim.refusal);
  const rebuild = async () => {
    const entries = await listDirectory(directory, claimed, memory.read);
    memory.forgetUnread();
    catalog.replaceAll(entries);
    return entries;
  };
  const start = async (
    journalled: ReadonlySet<string>,
    claimOf: (archivePath: string) => ImagesClaim,
  ): Promise<ArchivesStart> => {
    claimed = journalled;
    await records.prepare();
    const leftovers = await clearLeftovers(directory, records);
    const { memoryDirectory } = options;
    const readRecord = records.read;
    const place = { directory, memoryDirectory };
    const images = await clearImageLeftovers({ ...place, clock, claimOf, readRecord });
    const archives = { recorded: 0, unrecorded: 0, doubtful: 0, foreign: 0 };
    for (const { standing } of await rebuild()) archives[standing.kind]++;
    return { leftovers, images, archives };
  };
  return {
    directory,
    catalog,
    records,
    claim: claim.take,
    start: (journalled = new Set(), claimOf = () => 'unknown') =>
      inTurn(() => start(journalled, claimOf)),
    keep: (request, signal) => inTurn(() => keepArchive(tools, request, 'remove', signal)),
    adopt: (name, request, signal) =>
      inTurn(() =>
        keepArchive(tools, { ...request, archivePath: join(directory, name) }, 'leave', signal),
      ),
    imagesSpaceBytes: () => imagesSpaceBytes(imagesRoot(directory)),
    giveUpImages: (folder) => inTurn(() => removeImages(folder)),
    refresh: () =>
      inTurn(async () => {
        await rebuild();
      }),
    release: claim.release,
  };
}

/** One at a time: a listing that began before an archive was taken in must not replace it. */
function createTurns(refusal: () => StillpointError | undefined) {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const unlessRefused = () => {
      const refused = refusal();
      return refused ? Promise.reject(refused) : work();
    };
    const mine = last.then(unlessRefused, unlessRefused);
    last = mine;
    return mine;
  };
}

/** The lock of a directory, for one agent at a time. */
function createClaim(directory: string, records: Records, takeLock: TakeFileLock) {
  let lock: FileLock | undefined;
  /** Why nothing may be touched: another agent has it. */
  let taken: StillpointError | undefined;
  return {
    refusal: () => taken,
    async take() {
      if (lock) return;
      try {
        await records.prepare();
        lock = await lockDirectory(directory, records.paths.lock, takeLock);
        taken = undefined;
      } catch (error) {
        if (isStillpointError(error, 'conflict')) taken = error;
        throw error;
      }
    },
    release() {
      lock?.release();
      lock = undefined;
    },
  };
}
