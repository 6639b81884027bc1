import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { messageOf, nodeCodeOf, StillpointError } from '../base/index.ts';
import { INTENTS_MAX, readNumberedIntent } from '../lease/index.ts';
import type { BookEntry, Standing } from './book.ts';

/** Where a guard writes down what it holds, for its own next life. On a tmpfs: never synced. */
export interface BookFile {
  /** What the guard before left in this run of the kernel; of another run nothing counts. */
  read(): BookEntry[];
  /** Error: `io`. */
  write(entries: readonly BookEntry[]): void;
  remove(): void;
}

const FILE_BYTES_MAX = 1024 * 1024;
const ENTRIES_MAX = 8 * INTENTS_MAX;
const AGENT_CHARS_MAX = 64;
const standings: readonly Standing[] = ['held', 'resuming', 'resumed'];

export function createBookFile(path: string, bootId: string): BookFile {
  return {
    read() {
      const text = readText(path);
      return text === undefined ? [] : parse(text, bootId, path);
    },
    write(entries) {
      // The old file or the new one, whole, whenever the guard is killed.
      const fresh = `${path}.new`;
      try {
        writeFresh(fresh, JSON.stringify({ version: 1, bootId, entries }));
        renameSync(fresh, path);
      } catch (cause) {
        throw fileError('write', path, cause);
      }
    },
    remove() {
      try {
        unlinkSync(path);
      } catch (cause) {
        if (nodeCodeOf(cause) !== 'ENOENT') throw fileError('remove', path, cause);
      }
    },
  };
}

function writeFresh(path: string, text: string): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const descriptor = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    writeSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

function readText(path: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const info = fstatSync(descriptor);
    if (!info.isFile() || info.size > FILE_BYTES_MAX) throw new Error('it is no small file');
    return readFileSync(descriptor, 'utf8');
  } catch (cause) {
    if (nodeCodeOf(cause) === 'ENOENT') return undefined;
    throw fileError('read', path, cause);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function parse(text: string, bootId: string, path: string): BookEntry[] {
  try {
    const file = JSON.parse(text) as { version?: unknown; bootId?: unknown; entries?: unknown };
    if (file.bootId !== bootId) return [];
    if (file.version !== 1 || !Array.isArray(file.entries)) throw new Error('not of version 1');
    if (file.entries.length > ENTRIES_MAX) throw new Error(`more than ${ENTRIES_MAX} entries`);
    return file.entries.map(readEntry);
  } catch (cause) {
    throw fileError('understand', path, cause);
  }
}

function readEntry(value: unknown): BookEntry {
  const numbered = readNumberedIntent(value);
  const { agent, standing } = value as { agent?: unknown; standing?: Standing };
  if (typeof agent !== 'string' || agent === '' || agent.length > AGENT_CHARS_MAX) {
    throw new Error('an entry has no agent');
  }
  if (standing === undefined || !standings.includes(standing)) {
    throw new Error(`an entry stands ${JSON.stringify(standing)?.slice(0, 40)}`);
  }
  return { ...numbered, agent, standing };
}

function fileError(doing: string, path: string, cause: unknown): StillpointError {
  const message = `cannot ${doing} ${path}: ${messageOf(cause)}`;
  return new StillpointError({ code: 'io', message, cause });
}
