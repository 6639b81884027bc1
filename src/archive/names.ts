import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** What a file system allows for one name. */
const NAME_BYTES_MAX = 255;

/**
 * True for names that kubelet and Stillpoint give to archives, `checkpoint-….tar`: one name of one
 * directory, printable, of a length that exists. Nothing else in the directory is ever touched.
 */
export function isArchiveName(name: string): boolean {
  return (
    name.startsWith('checkpoint-') &&
    name.endsWith('.tar') &&
    name.length > 'checkpoint-.tar'.length &&
    Buffer.byteLength(name) <= NAME_BYTES_MAX &&
    !/[/\p{Cc}\ufffd]/u.test(name)
  );
}

/** Where Stillpoint keeps its own files inside the checkpoints directory. */
export interface WorkspacePaths {
  root: string;
  /** One record an archive. */
  records: string;
  /** Records whose archive is being deleted at this moment. */
  removing: string;
  /** Files being written. */
  unfinished: string;
  /** Held by the one agent that works on the directory. */
  lock: string;
}

export function workspacePaths(directory: string): WorkspacePaths {
  const root = join(directory, '.stillpoint');
  return {
    root,
    records: join(root, 'records'),
    removing: join(root, 'removing'),
    unfinished: join(root, 'unfinished'),
    lock: join(root, 'agent.lock'),
  };
}

/** `<archive>.json`; where that would be too long, a beginning of it and a hash of the whole. */
export function recordFileName(archive: string): string {
  const plain = `${archive}.json`;
  if (Buffer.byteLength(plain) <= NAME_BYTES_MAX) return plain;
  const hash = createHash('sha256').update(archive).digest('hex').slice(0, 16);
  return `${archive.slice(0, 200)}~${hash}.json`;
}
