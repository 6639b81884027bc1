import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { createGunzip } from 'node:zlib';

/** One entry of an OCI layer: all that a runtime would make of it, its content as a hash. */
export interface LayerEntry {
  type: 'file' | 'hard-link' | 'link' | 'character' | 'block' | 'directory' | 'fifo';
  mode: number;
  uid: number;
  gid: number;
  bytes: number;
  /** Of regular files. */
  sha256?: string;
  /** Of links, where they point to. */
  target?: string;
  /** Of devices, `major:minor`. */
  device?: string;
  mtimeS: number;
  /** Extended attributes by name, in hex. */
  xattrs: Record<string, string>;
}

const types: Record<string, LayerEntry['type']> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hard-link',
  '2': 'link',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};
const BLOCK = 512;

/** Entries by name (latin1: one character a byte), of a layer that may be packed by gzip. */
export async function readLayer(file: string): Promise<Map<string, LayerEntry>> {
  const plain = createReadStream(file);
  const stream = isGzip(file) ? plain.pipe(createGunzip()) : plain;
  const input = new Input(stream as AsyncIterable<Buffer>);
  const entries = new Map<string, LayerEntry>();
  let pax = new Map<string, Buffer>();
  for (;;) {
    const header = await input.take(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const type = text(header, 156, 1) || '\0';
    const bytes = Number(pax.get('size')?.toString() ?? number(header, 124, 12));
    if (type === 'x' || type === 'g') {
      const data = await input.take(padded(bytes));
      if (type === 'x') pax = parsePax(data.subarray(0, bytes));
      continue;
    }
    const name = (pax.get('path')?.toString('latin1') ?? nameOf(header)).replace(/\/$/, '');
    if (entries.has(name)) throw new Error(`${file}: ${name} is there twice`);
    entries.set(name, await readEntry(input, { header, pax, type, bytes }));
    pax = new Map();
  }
  return entries;
}

interface Raw {
  header: Buffer;
  pax: ReadonlyMap<string, Buffer>;
  type: string;
  bytes: number;
}

async function readEntry(input: Input, { header, pax, type, bytes }: Raw): Promise<LayerEntry> {
  const kind = types[type];
  if (kind === undefined) throw new Error(`a layer with an entry of type ${JSON.stringify(type)}`);
  const of = (key: string, at: number, length: number) =>
    Number(pax.get(key)?.toString() ?? number(header, at, length));
  const entry: LayerEntry = {
    type: kind,
    mode: number(header, 100, 8) & 0o7777,
    uid: of('uid', 108, 8),
    gid: of('gid', 116, 8),
    bytes: kind === 'file' ? bytes : 0,
    mtimeS: Math.floor(of('mtime', 136, 12)),
    xattrs: Object.fromEntries(
      [...pax]
        .filter(([key]) => key.startsWith('SCHILY.xattr.'))
        .map(([key, value]) => [key.slice('SCHILY.xattr.'.length), value.toString('hex')]),
    ),
  };
  if (kind === 'file') entry.sha256 = await input.hash(bytes);
  if (kind === 'hard-link' || kind === 'link') {
    entry.target = pax.get('linkpath')?.toString('latin1') ?? text(header, 157, 100);
  }
  if (kind === 'character' || kind === 'block') {
    entry.device = `${number(header, 329, 8)}:${number(header, 337, 8)}`;
  }
  return entry;
}

function nameOf(header: Buffer): string {
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
  const name = text(header, 0, 100);
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** `LENGTH KEY=VALUE\n`, where a value may hold any byte. */
function parsePax(data: Buffer): Map<string, Buffer> {
  const fields = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(' ', at);
    const length = Number(data.toString('latin1', at, space));
    const equals = data.indexOf('=', space);
    const key = data.toString('latin1', space + 1, equals);
    fields.set(key, data.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return fields;
}

function text(block: Buffer, at: number, length: number): string {
  const part = block.subarray(at, at + length);
  const end = part.indexOf(0);
  return part.toString('latin1', 0, end === -1 ? length : end);
}

/** Octal, or base 256 where the first bit says so. */
function number(block: Buffer, at: number, length: number): number {
  if (((block[at] ?? 0) & 0x80) === 0) return Number.parseInt(text(block, at, length) || '0', 8);
  let value = (block[at] ?? 0) & 0x7f;
  for (let byte = at + 1; byte < at + length; byte++) value = value * 256 + (block[byte] ?? 0);
  return value;
}

function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK) * BLOCK;
}

function isGzip(file: string): boolean {
  const fd = openSync(file, 'r');
  const head = Buffer.alloc(2);
  readSync(fd, head, 0, 2, 0);
  closeSync(fd);
  return head.equals(Buffer.from([0x1f, 0x8b]));
}

/** A stream from which exact numbers of bytes are taken. */
class Input {
  readonly #parts: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.#parts = stream[Symbol.asyncIterator]();
  }

  async take(bytes: number): Promise<Buffer> {
    const taken: Buffer[] = [];
    await this.#pass(bytes, (part) => taken.push(Buffer.from(part)));
    return Buffer.concat(taken);
  }

  /** Of that many bytes; passes over the padding too. */
  async hash(bytes: number): Promise<string> {
    const hash = createHash('sha256');
    await this.#pass(bytes, (part) => hash.update(part));
    await this.#pass(padded(bytes) - bytes, () => undefined);
    return hash.digest('hex');
  }

  async #pass(bytes: number, use: (part: Buffer) => void): Promise<void> {
    for (let left = bytes; left > 0; ) {
      if (this.#rest.length === 0) {
        const next = await this.#parts.next();
        if (next.done === true) throw new Error(`the layer is cut off: ${left} bytes are missing`);
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, left);
      use(part);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
    }
  }
}
