import { lstat } from 'node:fs/promises';
import { type ReadSummary, type RecordSummary, readSummary } from './listing.ts';

/**
 * Summaries of the records that were read before: a record can have a megabyte of alerts, and after
 * each capture one of hundreds has changed. A file counts as changed when anything of it differs
 * that a write or a rename cannot leave alone; what is not sound is read each time.
 */
export interface RecordMemory {
  read: ReadSummary;
  /** Drops all that was not asked for since the last call. */
  forgetUnread(): void;
}

interface Known {
  version: string;
  record: RecordSummary;
}

export function createRecordMemory(read: ReadSummary = readSummary): RecordMemory {
  let before = new Map<string, Known>();
  let now = new Map<string, Known>();
  return {
    async read(path, archive) {
      // Looked at first: a record that is replaced in between is read once more the next time.
      const version = await versionOf(path);
      const known = now.get(path) ?? before.get(path);
      if (version !== undefined && known?.version === version) {
        now.set(path, known);
        return { kind: 'sound', record: known.record };
      }
      const reading = await read(path, archive);
      now.delete(path);
      before.delete(path);
      if (reading.kind === 'sound' && version !== undefined) {
        now.set(path, { version, record: reading.record });
      }
      return reading;
    },
    forgetUnread() {
      before = now;
      now = new Map();
    },
  };
}

/** Undefined when it cannot be told; the read itself then names why. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const stat = await lstat(path, { bigint: true });
    return [stat.dev, stat.ino, stat.mode, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
  } catch {
    // Not an answer to anything: readSummary says `none` or what is wrong.
    return undefined;
  }
}
