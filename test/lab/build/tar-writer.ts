export interface TarEntry {
  name: string;
  mode: number;
  /** Contents of a file; absent for folders and links. */
  data?: Buffer;
  /** Makes it a symbolic link to here. */
  link?: string;
}

const blockBytes = 512;

/** A plain ustar archive. The same entries give the same bytes: no clock and no names of users. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const data = entry.data ?? Buffer.alloc(0);
    const padding = Buffer.alloc((blockBytes - (data.length % blockBytes)) % blockBytes);
    return [header(entry, data.length), data, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]);
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  if (Buffer.byteLength(entry.name) > 100) throw new Error(`tar name too long: ${entry.name}`);
  block.write(entry.name, 0);
  octal(entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write(typeFlag(entry), 156, 'latin1');
  if (entry.link !== undefined) block.write(entry.link, 157);
  block.write('ustar\0' + '00', 257, 'latin1');
  // The checksum is taken with its own field read as spaces.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function typeFlag(entry: TarEntry): string {
  if (entry.link !== undefined) return '2';
  return entry.data === undefined ? '5' : '0';
}
