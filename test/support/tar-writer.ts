/** Writes tars for tests, byte by byte, the damaged and the hostile ones too. */

export interface TarItem {
  name: string;
  data?: Buffer | string;
  /** Type flag; '0' (file) when left out, '5' for names that end in `/`. */
  flag?: string;
  /** What the size field says, when it is to differ from the data. */
  size?: number;
  /** The 12 bytes of the size field, when they are to be something else altogether. */
  sizeField?: Buffer;
  /** ustar prefix field. */
  prefix?: string;
  /** Spoils the checksum. */
  badChecksum?: boolean;
  /** Another magic than POSIX "ustar\0" + "00". */
  magic?: string;
}

/** One header block and the padded data. */
export function tarItem(item: TarItem): Buffer {
  const data = Buffer.from(item.data ?? '');
  const header = Buffer.alloc(512);
  const flag = item.flag ?? (item.name.endsWith('/') ? '5' : '0');
  header.write(item.name, 0, 100, 'utf8');
  header.write('0000600\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  (item.sizeField ?? octal(item.size ?? data.length)).copy(header, 124);
  octal(1_767_225_600).copy(header, 136);
  header.write(flag, 156, 1, 'latin1');
  header.write(item.magic ?? 'ustar\x0000', 257, 8, 'latin1');
  if (item.prefix !== undefined) header.write(item.prefix, 345, 155, 'utf8');
  header.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of header) sum += byte;
  if (item.badChecksum) sum++;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return Buffer.concat([header, data, Buffer.alloc(-data.length & 511)]);
}

/** The end-of-archive mark. */
export const tarEnd = Buffer.alloc(1024);

/** A whole tar. */
export function tar(...items: (TarItem | Buffer)[]): Buffer {
  const parts = items.map((item) => (Buffer.isBuffer(item) ? item : tarItem(item)));
  return Buffer.concat([...parts, tarEnd]);
}

/** A pax header for the item that follows it. */
export function paxItem(records: Record<string, string>, flag: 'x' | 'g' = 'x'): TarItem {
  let data = '';
  for (const [key, value] of Object.entries(records)) data += paxRecord(key, value);
  return { name: 'PaxHeaders.0/item', flag, data };
}

/** A long name as GNU tar writes it. */
export function gnuLongName(name: string): TarItem {
  return { name: '././@LongLink', flag: 'L', data: `${name}\0`, magic: 'ustar  \0' };
}

/** A size in base 256, as tars hold it from 8 GiB on. */
export function base256(value: bigint): Buffer {
  const field = Buffer.alloc(12);
  let rest = value < 0n ? value + (1n << 96n) : value;
  for (let i = 11; i >= 0; i--) {
    field[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  field[0] = (field[0] ?? 0) | 0x80;
  return field;
}

function octal(value: number): Buffer {
  return Buffer.from(`${value.toString(8).padStart(11, '0')}\0`, 'latin1');
}

function paxRecord(key: string, value: string): string {
  const body = Buffer.byteLength(` ${key}=${value}\n`);
  let length = body + 1;
  while (String(length).length + body !== length) length = String(length).length + body;
  return `${length} ${key}=${value}\n`;
}
