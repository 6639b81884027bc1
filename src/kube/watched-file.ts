import { readFile, stat } from 'node:fs/promises';
import { type Clock, messageOf, StillpointError } from '../base/index.ts';

/** A small text file that others replace while we run: a token, a CA, a pinned certificate. */
export interface WatchedFile {
  readonly path: string;
  /**
   * The content: read again when the file has changed (inode, size or mtime) or after a minute.
   * Throws `bad-config` when it cannot be read; never gives an old content for a missing file.
   */
  read(fresh?: boolean): Promise<string>;
}

const AGE_MS_MAX = 60_000;
const FILE_BYTES_MAX = 1024 * 1024;

export function createWatchedFile(path: string, clock: Clock): WatchedFile {
  let known: { version: string; content: string; readMs: number } | undefined;
  return {
    path,
    async read(fresh = false) {
      try {
        const { ino, size, mtimeMs } = await stat(path);
        if (size > FILE_BYTES_MAX) throw new Error(`${size} bytes, at most 1 MiB is allowed`);
        const version = `${ino} ${size} ${mtimeMs}`;
        const isYoung = known && clock.monotonicMs() - known.readMs < AGE_MS_MAX;
        if (known && isYoung && !fresh && known.version === version) return known.content;
        const content = await readFile(path, 'utf8');
        known = { version, content, readMs: clock.monotonicMs() };
        return content;
      } catch (cause) {
        throw new StillpointError({
          code: 'bad-config',
          message: `${path} cannot be read: ${messageOf(cause)}`,
          hint: 'Check that the file is there and readable; it is read again at the next try.',
          retryable: true,
          cause,
        });
      }
    },
  };
}
