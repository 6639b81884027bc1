import { type BigIntStats, constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { StillpointError } from '../base/index.ts';
import { fromFs } from './fs-errors.ts';

/** Something of known length that can be read anywhere: a file, or bytes in a test. */
export interface ByteSource {
  readonly bytes: number;
  /**
   * Up to `length` bytes from `offset`; fewer only at the end. The result may be a view that is
   * valid until the next read: copy what is kept.
   */
  read(offset: number, length: number): Promise<Buffer>;
}

/** What tells one file from another, and whether it was touched. */
export interface FileIdentity {
  /** Text, because inode numbers can exceed what a number holds exactly. */
  device: string;
  inode: string;
  bytes: number;
  /** Nanoseconds since 1970, as text. */
  modifiedNs: string;
}

/** An open regular file. */
export interface OpenFile extends ByteSource {
  readonly path: string;
  readonly identity: FileIdentity;
  /** True while size and time of change are as they were at opening. */
  isUnchanged(): Promise<boolean>;
  close(): Promise<void>;
}

/** Small members lie side by side: one read serves many headers. */
const WINDOW_BYTES = 64 * 1024;

/**
 * Opens a regular file for reading. A link is refused, and so is anything that is not a plain file
 * (a FIFO would block for ever). Errors: `not-found`, `bad-input`, `not-writable`, `io`.
 */
export async function openRegular(path: string): Promise<OpenFile> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let handle: FileHandle;
  try {
    handle = await open(path, flags);
  } catch (error) {
    throw fromFs(error, 'read', path);
  }
  try {
    const stat = await handle.stat({ bigint: true });
    if (!stat.isFile()) throw notRegular(path, stat);
    return openFile(path, handle, identityOf(stat));
  } catch (error) {
    await handle.close();
    throw fromFs(error, 'read', path);
  }
}

/** The identity of a file from its (big-integer) stat. */
export function identityOf(stat: BigIntStats): FileIdentity {
  return {
    device: stat.dev.toString(),
    inode: stat.ino.toString(),
    bytes: Number(stat.size),
    modifiedNs: stat.mtimeNs.toString(),
  };
}

/** True when both are one file with the same content as far as size and time can tell. */
export function sameFile(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.bytes === b.bytes &&
    a.modifiedNs === b.modifiedNs
  );
}

/** The refusal of everything that is not a plain file. */
export function notRegular(path: string, stat: Stats | BigIntStats): StillpointError {
  const kind = stat.isDirectory() ? 'a directory' : stat.isSymbolicLink() ? 'a link' : 'special';
  return new StillpointError({
    code: 'bad-input',
    message: `${path} is ${kind}; only a regular file can be an archive`,
  });
}

/** Bytes in memory as a source. */
export function bytesSource(buffer: Buffer): ByteSource {
  return {
    bytes: buffer.length,
    read: async (offset, length) => buffer.subarray(offset, offset + length),
  };
}

function openFile(path: string, handle: FileHandle, identity: FileIdentity): OpenFile {
  const window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  let windowAt = 0;
  let windowBytes = 0;
  return {
    path,
    bytes: identity.bytes,
    identity,
    async read(offset, length) {
      if (length > WINDOW_BYTES) {
        const own = Buffer.allocUnsafeSlow(length);
        return own.subarray(0, await fill(handle, own, offset, path));
      }
      if (offset < windowAt || offset + length > windowAt + windowBytes) {
        windowBytes = await fill(handle, window, offset, path);
        windowAt = offset;
      }
      const start = offset - windowAt;
      return window.subarray(start, Math.min(start + length, windowBytes));
    },
    async isUnchanged() {
      try {
        return sameFile(identity, identityOf(await handle.stat({ bigint: true })));
      } catch (error) {
        throw fromFs(error, 'read', path);
      }
    },
    close: () => handle.close(),
  };
}

async function fill(handle: FileHandle, into: Buffer, offset: number, path: string) {
  let filled = 0;
  try {
    while (filled < into.length) {
      const { bytesRead } = await handle.read(into, filled, into.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (error) {
    throw fromFs(error, 'read', path);
  }
  return filled;
}
