import { createHash, type Hash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { paddedBytes } from '../tar-header.ts';
import type { Member } from './member.ts';
import { END_BYTES, tarHeader } from './tar-blocks.ts';

/**
 * Worker thread: writes one archive through one buffer, with its hash, and forces it to disk. Files
 * are read one by one; nothing of any size is ever in memory. Posts one AssemblyReply.
 */
export interface AssemblyOrder {
  /** Absolute; must not exist. */
  path: string;
  members: readonly Member[];
}

/** The identity is that of the file that was written. */
export type AssemblyReply =
  | { kind: 'written'; sha256: string; identity: WrittenIdentity }
  /** A file below the folder is not what it was when the archive was planned. */
  | { kind: 'changed'; member: string; why: string }
  | { kind: 'failed'; errno: string; message: string; path: string; doing: 'read' | 'write' };

export interface WrittenIdentity {
  device: string;
  inode: string;
  bytes: number;
  modifiedNs: string;
}

const BUFFER_BYTES = 1024 * 1024;

/**
 * What was written begins its way to the disk at once instead of in one burst at the end: the end
 * then waits less, and other writers of the node do not wait behind gigabytes of ours.
 */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024;

const syncData = promisify(fdatasync);

/** A file that turned out to be another one than was planned. */
class Changed extends Error {
  readonly member: string;

  constructor(member: string, why: string) {
    super(why);
    this.member = member;
  }
}

/** An error of the file system, with the file that it is about. */
class AtFile extends Error {
  readonly reply: AssemblyReply;

  constructor(error: unknown, doing: 'read' | 'write', path: string) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    super(message);
    this.reply = { kind: 'failed', errno: code, message, path, doing };
  }
}

function at<T>(doing: 'read' | 'write', path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Changed ? error : new AtFile(error, doing, path);
  }
}

/** The archive on its way: a buffer that goes to the hash and to the file when it is full. */
class Output {
  readonly #path: string;
  readonly #fd: number;
  readonly #hash: Hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  #unsyncedBytes = 0;
  #syncing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    this.#fd = at('write', path, () =>
      openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600),
    );
  }

  async write(data: Uint8Array): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const part = data.subarray(done, done + BUFFER_BYTES - this.#filled);
      this.#buffer.set(part, this.#filled);
      done += part.length;
      await this.#advance(part.length);
    }
  }

  async zeros(bytes: number): Promise<void> {
    if (bytes > 0) await this.write(Buffer.alloc(bytes));
  }

  /** The next `bytes` of a file. False when it ends before. */
  async copy(fd: number, path: string, bytes: number): Promise<boolean> {
    for (let left = bytes; left > 0; ) {
      const wanted = Math.min(left, BUFFER_BYTES - this.#filled);
      const read = at('read', path, () => readSync(fd, this.#buffer, this.#filled, wanted, null));
      if (read === 0) return false;
      left -= read;
      await this.#advance(read);
    }
    return true;
  }

  async end(): Promise<{ sha256: string; identity: WrittenIdentity }> {
    this.#flush();
    await this.#syncing;
    const stat = at('write', this.#path, () => {
      fsyncSync(this.#fd);
      return fstatSync(this.#fd, { bigint: true });
    });
    return { sha256: this.#hash.digest('hex'), identity: identityOf(stat) };
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** One sync is under way at a time: it takes one of the four threads that all file calls share. */
  async #advance(bytes: number): Promise<void> {
    this.#filled += bytes;
    if (this.#filled < BUFFER_BYTES) return;
    this.#flush();
    if (this.#unsyncedBytes < SYNC_EVERY_BYTES) return;
    this.#unsyncedBytes = 0;
    await this.#syncing;
    this.#syncing = syncData(this.#fd).catch((error) => {
      throw new AtFile(error, 'write', this.#path);
    });
    // Looked at by the next await; an error of the disk must not be lost until then.
    this.#syncing.catch(() => undefined);
  }

  #flush(): void {
    const data = this.#buffer.subarray(0, this.#filled);
    this.#hash.update(data);
    at('write', this.#path, () => {
      for (let done = 0; done < data.length; ) done += writeSync(this.#fd, data, done);
    });
    this.#unsyncedBytes += data.length;
    this.#filled = 0;
  }
}

function identityOf(stat: BigIntStats): WrittenIdentity {
  return {
    device: stat.dev.toString(),
    inode: stat.ino.toString(),
    bytes: Number(stat.size),
    modifiedNs: stat.mtimeNs.toString(),
  };
}

async function assemble({ path, members }: AssemblyOrder): Promise<AssemblyReply> {
  const output = new Output(path);
  try {
    for (const member of members) await append(output, member);
    await output.zeros(END_BYTES);
    return { kind: 'written', ...(await output.end()) };
  } finally {
    output.close();
  }
}

async function append(output: Output, member: Member): Promise<void> {
  const { name, mode, modifiedS, kind } = member;
  const bytes = bytesOf(member);
  const type = kind === 'directory' ? 'directory' : 'file';
  await output.write(tarHeader({ name, mode, modifiedS, type, bytes }));
  if (member.kind === 'bytes') await output.write(member.data);
  if (member.kind === 'file') await appendFile(output, member);
  await output.zeros(paddedBytes(bytes) - bytes);
}

function bytesOf(member: Member): number {
  switch (member.kind) {
    case 'directory':
      return 0;
    case 'bytes':
      return member.data.length;
    case 'file':
      return member.bytes;
  }
}

/** What is no longer the file that was planned is refused before and after it is copied. */
async function appendFile(
  output: Output,
  member: Extract<Member, { kind: 'file' }>,
): Promise<void> {
  const { path, name, bytes } = member;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = at('read', path, () => openSync(path, flags));
  try {
    refuseChanged(fd, member);
    if (!(await output.copy(fd, path, bytes))) {
      throw new Changed(name, `it ended before its ${bytes} bytes`);
    }
    refuseChanged(fd, member);
  } finally {
    closeSync(fd);
  }
}

function refuseChanged(fd: number, member: Extract<Member, { kind: 'file' }>): void {
  const stat = at('read', member.path, () => fstatSync(fd, { bigint: true }));
  if (!stat.isFile()) throw new Changed(member.name, 'it is no regular file any more');
  if (Number(stat.size) === member.bytes && stat.mtimeNs.toString() === member.modifiedNs) return;
  throw new Changed(member.name, 'its size or time changed while the archive was made');
}

function replyTo(error: unknown, path: string): AssemblyReply {
  if (error instanceof AtFile) return error.reply;
  if (error instanceof Changed) {
    return { kind: 'changed', member: error.member, why: error.message };
  }
  return new AtFile(error, 'write', path).reply;
}

const order = workerData as AssemblyOrder;
assemble(order).then(
  (reply) => parentPort?.postMessage(reply),
  (error) => parentPort?.postMessage(replyTo(error, order.path)),
);
