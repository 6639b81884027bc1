/** One block of a tar, and what stands in it; see POSIX pax and the GNU tar manual. */
export const BLOCK_BYTES = 512;

/** Header fields, decoded but not yet joined with extended headers. */
export type TarHeader =
  | {
      kind: 'header';
      name: string;
      /** The type flag as one character; NUL (v7) reads as '0'. */
      flag: string;
      bytes: number;
    }
  | { kind: 'bad'; detail: string };

/** Decodes one header block (512 bytes). The checksum is verified before anything is believed. */
export function parseTarHeader(block: Buffer): TarHeader {
  if (!checksumHolds(block)) return { kind: 'bad', detail: 'its checksum does not hold' };
  const bytes = parseNumber(block.subarray(124, 136));
  if (bytes === undefined) return { kind: 'bad', detail: 'its size is no number' };
  if (bytes < 0) return { kind: 'bad', detail: 'its size is negative' };
  const flag = block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0);
  return { kind: 'header', name: headerName(block), flag, bytes };
}

/** True for a block of zeros only: two of them end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  for (const byte of block) if (byte !== 0) return false;
  return true;
}

/** The bytes that `bytes` of data take in a tar: padded to whole blocks. */
export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/**
 * Records of an extended header, `LENGTH KEY=VALUE\n`, LENGTH counting the whole record in bytes.
 * Undefined when one of them is malformed.
 */
export function parsePax(data: Buffer): ReadonlyMap<string, string> | undefined {
  const records = new Map<string, string>();
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    if (space < 0 || space - at > 10 || space === at) return undefined;
    const digits = data.toString('latin1', at, space);
    if (!/^\d+$/.test(digits)) return undefined;
    const end = at + Number(digits);
    if (end > data.length || end <= space + 1 || data[end - 1] !== 0x0a) return undefined;
    const equals = data.indexOf(0x3d, space + 1);
    if (equals < 0 || equals >= end) return undefined;
    records.set(
      data.toString('utf8', space + 1, equals),
      data.toString('utf8', equals + 1, end - 1),
    );
    at = end;
  }
  return records;
}

/** Text up to the first NUL. */
export function textUntilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

function headerName(block: Buffer): string {
  const name = textUntilNul(block.subarray(0, 100));
  // Only POSIX "ustar\0" has a prefix; GNU ("ustar  ") uses those bytes for times.
  if (block.toString('latin1', 257, 263) !== 'ustar\0') return name;
  const prefix = textUntilNul(block.subarray(345, 500));
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Octal text, or base-256 when the first bit is set (then the second is the sign). */
function parseNumber(field: Buffer): number | undefined {
  const first = field[0] ?? 0;
  if ((first & 0x80) === 0) {
    const text = field.toString('latin1').replace(/^[ \0]+|[ \0]+$/g, '');
    if (text === '') return 0;
    return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
  }
  if ((first & 0x40) !== 0) return -1;
  let value = first & 0x3f;
  for (let i = 1; i < field.length; i++) value = value * 256 + (field[i] ?? 0);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Old writers summed signed bytes; both sums are accepted, as all readers do. */
function checksumHolds(block: Buffer): boolean {
  const stored = parseNumber(block.subarray(148, 156));
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : (block[i] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return stored === unsigned || stored === signed;
}
