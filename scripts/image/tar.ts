/** One member of a layer. Names have no leading `./` or `/` and no trailing `/`. */
export type TarEntry = { name: string; mode: number } & (
  | { type: 'file'; data: Buffer }
  | { type: 'directory' }
  | { type: 'link'; target: string }
);

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;

/**
 * A plain ustar archive. The same entries give the same bytes: every member belongs to root and
 * has the one time that is given; no names of users, no clock.
 */
export function writeTar(entries: readonly TarEntry[], mtimeSeconds: number): Buffer {
  const parts = entries.flatMap((entry) => {
    const data = entry.type === 'file' ? entry.data : Buffer.alloc(0);
    const padding = Buffer.alloc(-data.length & (BLOCK_BYTES - 1));
    return [header(entry, data.length, mtimeSeconds), data, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

const flags = { file: '0', link: '2', directory: '5' } as const;

function header(entry: TarEntry, bytes: number, mtimeSeconds: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  const { prefix, name } = splitName(entry.type === 'directory' ? `${entry.name}/` : entry.name);
  block.write(name, 0);
  octal(entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes, 124, 12);
  octal(mtimeSeconds, 136, 12);
  block.write(flags[entry.type], 156, 'latin1');
  if (entry.type === 'link') {
    if (Buffer.byteLength(entry.target) > NAME_BYTES_MAX) {
      throw new Error(`the target of the link ${entry.name} is too long for a tar`);
    }
    block.write(entry.target, 157);
  }
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345);
  // The checksum is taken with its own field read as spaces.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A long name is cut at a slash into the two fields that ustar has for it. */
function splitName(name: string): { prefix: string; name: string } {
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return { prefix: '', name };
  for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
    const [prefix, rest] = [name.slice(0, at), name.slice(at + 1)];
    const fits = Buffer.byteLength(rest) <= NAME_BYTES_MAX && rest !== '';
    if (fits && Buffer.byteLength(prefix) <= 155) return { prefix, name: rest };
  }
  throw new Error(`the name ${name} is too long for a tar`);
}

/**
 * The members of a tar as dpkg-deb and npm write it: ustar with GNU long names and pax paths.
 * Anything that such a package does not hold (devices, hard links) is refused, not left out.
 */
export function readTar(tar: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  const long: { name?: string; target?: string } = {};
  for (let at = 0; at + BLOCK_BYTES <= tar.length && tar[at] !== 0; ) {
    const block = tar.subarray(at, at + BLOCK_BYTES);
    const bytes = Number.parseInt(text(block, 124, 12), 8);
    const data = tar.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + bytes);
    at += BLOCK_BYTES + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
    const flag = text(block, 156, 1) || '0';
    if (flag === 'g') continue;
    if (flag === 'L') long.name = text(data, 0, bytes);
    else if (flag === 'K') long.target = text(data, 0, bytes);
    else if (flag === 'x') Object.assign(long, paxNames(data.toString()));
    else {
      entries.push(memberOf(block, data, flag, long));
      delete long.name;
      delete long.target;
    }
  }
  return entries;
}

function memberOf(
  block: Buffer,
  data: Buffer,
  flag: string,
  long: { name?: string; target?: string },
): TarEntry {
  const prefix = text(block, 257, 6) === 'ustar' ? text(block, 345, 155) : '';
  const short = [prefix, text(block, 0, 100)].filter((part) => part !== '').join('/');
  const name = (long.name ?? short).replace(/^\.?\/+/, '').replace(/\/+$/, '');
  const mode = Number.parseInt(text(block, 100, 8), 8) & 0o7777;
  if (name.split('/').includes('..')) throw new Error(`${name} leads out of its package`);
  if (flag === '0') return { type: 'file', name, mode, data };
  if (flag === '5') return { type: 'directory', name, mode };
  if (flag === '2') {
    return { type: 'link', name, mode: 0o777, target: long.target ?? text(block, 157, 100) };
  }
  throw new Error(`${name} has the tar type "${flag}": only files, directories and links are read`);
}

function paxNames(records: string): { name?: string; target?: string } {
  const value = (key: string) => new RegExp(`^\\d+ ${key}=(.*)$`, 'm').exec(records)?.[1];
  const [name, target] = [value('path'), value('linkpath')];
  return { ...(name !== undefined && { name }), ...(target !== undefined && { target }) };
}

function text(bytes: Buffer, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end).trim();
}
