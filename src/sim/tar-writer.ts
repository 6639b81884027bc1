import type { FileHandle } from 'node:fs/promises';

const BLOCK = 512;
/** The largest size that eleven octal digits hold. */
const OCTAL_SIZE_MAX = 0o77777777777;
const NAME_BYTES_MAX = 100;

/** One member; `size` must be what its writer then gives. */
export interface TarMember {
  name: string;
  type: 'file' | 'directory';
  size: number;
  mode: number;
  modifiedMs: number;
}

/**
 * Writes a tar archive (POSIX ustar, pax headers where a name or size does not fit) into an open
 * file from its start. The end of a longer file that was there before stays, as with the runtimes,
 * which open archives without truncating.
 */
export class TarWriter {
  readonly #file: FileHandle;
  #position = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Bytes written so far. */
  get position(): number {
    return this.#position;
  }

  /** A member whose content is in memory. */
  async add(member: Omit<TarMember, 'size' | 'type'>, content: Buffer): Promise<void> {
    await this.#header({ ...member, type: 'file', size: content.length });
    await this.#write(content);
    await this.#pad(content.length);
  }

  async addDirectory(member: Omit<TarMember, 'size' | 'type'>): Promise<void> {
    await this.#header({ ...member, type: 'directory', size: 0 });
  }

  /**
   * A member of `size` bytes that are zero but for `pieces`: what lies between is a hole in the
   * file, so that large memory images cost little disk.
   */
  async addSparse(
    member: Omit<TarMember, 'type'>,
    pieces: Iterable<{ offset: number; content: Buffer }>,
  ): Promise<void> {
    await this.#header({ ...member, type: 'file' });
    const start = this.#position;
    for (const { offset, content } of pieces) {
      await this.#file.write(content, 0, content.length, start + offset);
    }
    this.#position = start + member.size;
    await this.#pad(member.size);
  }

  /** The end marker: two empty blocks. */
  async end(): Promise<void> {
    await this.#write(Buffer.alloc(2 * BLOCK));
  }

  async #header(member: TarMember): Promise<void> {
    const records: [string, string][] = [];
    if (Buffer.byteLength(member.name) > NAME_BYTES_MAX) records.push(['path', member.name]);
    if (member.size > OCTAL_SIZE_MAX) records.push(['size', String(member.size)]);
    if (records.length > 0) {
      const content = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
      await this.#write(
        header({ ...member, name: 'PaxHeaders/member', size: content.length, mode: 0o644 }, 'x'),
      );
      await this.#write(content);
      await this.#pad(content.length);
    }
    await this.#write(header(member, member.type === 'directory' ? '5' : '0'));
  }

  async #pad(size: number): Promise<void> {
    const rest = size % BLOCK;
    if (rest > 0) await this.#write(Buffer.alloc(BLOCK - rest));
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(
        bytes,
        done,
        bytes.length - done,
        this.#position + done,
      );
      done += bytesWritten;
    }
    this.#position += bytes.length;
  }
}

/** A small tar in memory, with files only. */
export function tarOf(files: Readonly<Record<string, string>>, modifiedMs: number): Buffer {
  const parts = Object.entries(files).flatMap(([name, text]) => {
    const content = Buffer.from(text, 'utf8');
    const member: TarMember = { name, type: 'file', size: content.length, mode: 0o644, modifiedMs };
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    return [header(member, '0'), content, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

/** "27 path=…\n": the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const body = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(body);
  while (String(length).length + Buffer.byteLength(body) !== length) {
    length = String(length).length + Buffer.byteLength(body);
  }
  return Buffer.from(`${length}${body}`, 'utf8');
}

function header(member: TarMember, typeFlag: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'ascii');
  block.write(member.name, 0, NAME_BYTES_MAX, 'utf8');
  octal(member.mode & 0o7777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(Math.min(member.size, OCTAL_SIZE_MAX), 124, 12);
  octal(Math.floor(member.modifiedMs / 1_000), 136, 12);
  block.write('        ', 148, 'ascii');
  block.write(typeFlag, 156, 'ascii');
  block.write('ustar\x0000', 257, 'latin1');
  octal(0, 329, 8);
  octal(0, 337, 8);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return block;
}
