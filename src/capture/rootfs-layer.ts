import { join } from 'node:path';
import {
  type Clock,
  isStillpointError,
  type Logger,
  messageOf,
  StillpointError,
} from '../base/index.ts';
import type { ContainerdClient, RootfsDiff, Snapshot, TakenLayer } from '../cri/index.ts';
import { withTimeLimit } from './backends/time-limit.ts';
import type { DumpedFacts } from './images-folder.ts';
import { copyRootfsDiff, writeRootfsDiff } from './images-writer.ts';

export interface LayerTools {
  containerd: Pick<ContainerdClient, 'prepareRootfsDiff'>;
  clock: Clock;
  log: Logger;
  /** containerd's own root where it can be seen from here: a layer is then copied as a file. */
  contentRoot?: string;
}

/** The changes of one container's root file system, on their way into the folder. */
export interface RootfsLayer {
  /** Begins with what needs no frozen container, beside CRIU's work. Returns at once. */
  prepare(): void;
  /**
   * Takes them as they are now, in at most `msMax`, whatever the runtime does meanwhile. Never
   * rejects and logs nothing: what fails here is tried again by `complete`, when the container runs.
   * Returns why they are not taken.
   */
  take(msMax: number, signal: AbortSignal): Promise<string | undefined>;
  /** Takes them if they are not taken yet, and copies them. Never rejects for the other side. */
  complete(folder: string, signal: AbortSignal): Promise<DumpedFacts['files']>;
  /** Leaves nothing in the runtime. Never rejects. */
  release(): Promise<void>;
}

/** An empty tar: two blocks of zeros. */
const EMPTY_BYTES = 1_024;

/** Packing and copying a layer of tens of GB; longer, and it is given up. */
const COMPLETE_MS_MAX = 600_000;

export function createRootfsLayer(tools: LayerTools, snapshot: Snapshot): RootfsLayer {
  return new RootfsLayerImpl(tools, snapshot);
}

type Taken = TakenLayer & { diff: RootfsDiff };

class RootfsLayerImpl implements RootfsLayer {
  readonly #tools: LayerTools;
  readonly #snapshot: Snapshot;
  /** Everything that was prepared and not released. */
  readonly #open = new Set<RootfsDiff>();
  #preparing?: Promise<RootfsDiff | Error>;
  #taken?: Taken;

  constructor(tools: LayerTools, snapshot: Snapshot) {
    this.#tools = tools;
    this.#snapshot = snapshot;
  }

  prepare(): void {
    this.#preparing ??= this.#tools.containerd.prepareRootfsDiff(this.#snapshot).then(
      (diff) => {
        this.#open.add(diff);
        return diff;
      },
      (error: unknown) => (error instanceof Error ? error : new Error(messageOf(error))),
    );
  }

  async take(msMax: number, signal: AbortSignal): Promise<string | undefined> {
    if (msMax <= 0) return 'the stop had lasted long enough';
    const limit = withTimeLimit(this.#tools.clock, msMax, signal);
    try {
      await this.#take(limit.signal);
      return undefined;
    } catch (error) {
      if (!isStillpointError(error)) throw error;
      return error.message;
    } finally {
      limit.end();
    }
  }

  async complete(folder: string, signal: AbortSignal): Promise<DumpedFacts['files']> {
    const limit = withTimeLimit(this.#tools.clock, COMPLETE_MS_MAX, signal);
    try {
      const { diff, digest, bytes } = this.#taken ?? (await this.#take(limit.signal));
      if (bytes <= EMPTY_BYTES) return { kind: 'none' };
      const blob = blobPath(this.#tools.contentRoot, digest);
      const isCopied = blob !== undefined && (await copyRootfsDiff(folder, blob, bytes));
      if (!isCopied) await writeRootfsDiff(folder, diff.read(limit.signal));
      return { kind: 'taken', bytes };
    } catch (error) {
      if (!isStillpointError(error)) throw error;
      const timeUp = `not taken within ${COMPLETE_MS_MAX / 1_000} s`;
      return { kind: 'missing', why: limit.timedOut() ? timeUp : error.message };
    } finally {
      limit.end();
    }
  }

  async release(): Promise<void> {
    await this.#preparing;
    for (const diff of this.#open) {
      try {
        await diff.release();
      } catch (error) {
        // The lease expires: the runtime then removes it by itself.
        this.#tools.log.warn('layer-not-released', { why: messageOf(error) });
      }
    }
    this.#open.clear();
  }

  /** One that was cut off is not used again: its work may still go on under the same name. */
  async #take(signal: AbortSignal): Promise<Taken> {
    this.prepare();
    const diff = await unlessAborted(this.#preparing, signal);
    this.#preparing = undefined;
    if (diff === undefined || diff instanceof Error) throw diff ?? new RangeError('not prepared');
    this.#taken = { diff, ...(await diff.take(signal)) };
    return this.#taken;
  }
}

/**
 * What came of the work. A runtime that is long about it (its database waits for a garbage
 * collection) is not waited for once the signal is aborted; the work goes on.
 */
function unlessAborted<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      const message = 'the runtime had not prepared it in time';
      reject(new StillpointError({ code: 'cancelled', message }));
    };
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    const end = () => signal.removeEventListener('abort', giveUp);
    Promise.resolve(work).then(resolve, reject).finally(end);
  });
}

/** Where containerd's local content store keeps a blob; undefined for what is no digest. */
function blobPath(contentRoot: string | undefined, digest: string): string | undefined {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (contentRoot === undefined || hex === undefined) return undefined;
  return join(contentRoot, 'io.containerd.content.v1.content', 'blobs', 'sha256', hex);
}
