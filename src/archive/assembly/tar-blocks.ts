import { BLOCK_BYTES, paddedBytes } from '../tar-header.ts';

/**
 * Tar headers as containerd writes them: Go's archive/tar with FormatPAX, owner 0:0 without names,
 * whole seconds. That is a plain ustar block, and before it a pax header only where eleven octal
 * digits do not hold the size. Imported by the worker: small, and nothing of ours but tar-header.
 */
export interface HeaderFields {
  name: string;
  type: 'file' | 'directory';
  bytes: number;
  mode: number;
  /** Whole seconds since 1970. */
  modifiedS: number;
}

/** What fits into the name field; nothing that is put into an archive of ours is longer. */
export const NAME_BYTES_MAX = 100;

/** The largest size that eleven octal digits hold: 8 GiB - 1. */
const OCTAL_BYTES_MAX = 0o77777777777;

/** The mark of the end, as Go writes it: two blocks of zeros, and no padding to a larger record. */
export const END_BYTES = 2 * BLOCK_BYTES;

/** One or three blocks: the pax header, where one is needed, and the header itself. */
export function tarHeader(fields: HeaderFields): Buffer {
  const name = fields.type === 'directory' ? `${fields.name}/` : fields.name;
  if (Buffer.byteLength(name) > NAME_BYTES_MAX)
    throw new RangeError(`the name ${name} is too long`);
  const isLarge = fields.bytes > OCTAL_BYTES_MAX;
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0, 'utf8');
  writeOctal(block, fields.mode, 100, 8);
  writeOctal(block, 0, 108, 8);
  writeOctal(block, 0, 116, 8);
  writeOctal(block, isLarge ? 0 : fields.bytes, 124, 12);
  writeOctal(block, Math.max(0, fields.modifiedS), 136, 12);
  block.write(fields.type === 'directory' ? '5' : '0', 156, 'latin1');
  writeOctal(block, 0, 329, 8);
  writeOctal(block, 0, 337, 8);
  seal(block);
  return isLarge ? Buffer.concat([sizeRecord(name, fields.bytes), block]) : block;
}

/** The bytes that a member takes: header, data, padding. */
export function memberBytes(fields: HeaderFields): number {
  const headerBytes = fields.bytes > OCTAL_BYTES_MAX ? 3 * BLOCK_BYTES : BLOCK_BYTES;
  return headerBytes + paddedBytes(fields.bytes);
}

/** A pax header that tells the size of the member behind it; `dir/PaxHeaders.0/file`, as Go does. */
function sizeRecord(name: string, bytes: number): Buffer {
  const data = paxRecord('size', String(bytes));
  const slash = name.lastIndexOf('/') + 1;
  const block = Buffer.alloc(BLOCK_BYTES);
  const paxName = `${name.slice(0, slash)}PaxHeaders.0/${name.slice(slash)}`;
  block.write(paxName.slice(0, NAME_BYTES_MAX), 0, 'latin1');
  for (const at of [100, 108, 116]) writeOctal(block, 0, at, 8);
  writeOctal(block, data.length, 124, 12);
  writeOctal(block, 0, 136, 12);
  block.write('x', 156, 'latin1');
  seal(block);
  const padding = Buffer.alloc(paddedBytes(data.length) - data.length);
  return Buffer.concat([block, data, padding]);
}

/** `LENGTH KEY=VALUE\n`; LENGTH counts its own digits too. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

/** Magic, version, and the sum over the block with eight spaces in its own place. */
function seal(block: Buffer): void {
  block.write('ustar\x0000', 257, 'latin1');
  block.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

function writeOctal(block: Buffer, value: number, at: number, width: number): void {
  block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
}
