import type { ByteSource } from './byte-source.ts';
import type { Finding, FindingCode } from './findings.ts';
import {
  BLOCK_BYTES,
  isZeroBlock,
  paddedBytes,
  parsePax,
  parseTarHeader,
  textUntilNul,
} from './tar-header.ts';

/** One member, where its data lies. Names come without a leading `./` or trailing `/`. */
export interface TarMember {
  name: string;
  type: 'file' | 'directory' | 'other';
  bytes: number;
  dataOffset: number;
}

/** What a tar held. `finding` tells how the reading ended early; members until then are given. */
export type TarReading =
  | { kind: 'whole'; members: readonly TarMember[] }
  | { kind: 'damaged'; members: readonly TarMember[]; finding: Finding };

/** Bounds against hostile input; a real checkpoint has tens to a few thousands of members. */
export interface TarLimits {
  membersMax: number;
  nameBytesMax: number;
  /** Data of one extended header. */
  extendedBytesMax: number;
  /** Zeros that may follow the end mark: the largest record that tar programs pad to. */
  paddingBytesMax: number;
}

export const tarLimits: TarLimits = {
  membersMax: 100_000,
  nameBytesMax: 4_096,
  extendedBytesMax: 1024 * 1024,
  paddingBytesMax: 1024 * 1024,
};

/** What an extended header said about the member that follows it. */
interface Overrides {
  name?: string;
  bytes?: number;
}

type Step =
  | { kind: 'member'; member: TarMember; next: number }
  | { kind: 'extended'; overrides: Overrides; next: number }
  | { kind: 'end' }
  | { kind: 'damaged'; finding: Finding };

/** Types that have no data whatever their size field says (links, devices, directories). */
const withoutData = new Set(['1', '2', '3', '4', '5', '6']);

/**
 * Reads the headers of an uncompressed tar and seeks over the data: the cost grows with the number
 * of members, not with their size. ustar, pax (size, path), GNU long names, base-256 sizes. Nothing
 * is unpacked. Never throws for what stands in the file; only for errors of reading it.
 */
export async function readTar(source: ByteSource, limits = tarLimits): Promise<TarReading> {
  const members: TarMember[] = [];
  let overrides: Overrides = {};
  let offset = 0;
  if (source.bytes === 0) {
    return { kind: 'damaged', members, finding: { code: 'empty', detail: '0 bytes' } };
  }
  for (let headers = 0; headers <= limits.membersMax; headers++) {
    const step = await readStep(source, offset, overrides, limits);
    switch (step.kind) {
      case 'end':
        return { kind: 'whole', members };
      case 'damaged':
        return { kind: 'damaged', members, finding: step.finding };
      case 'extended':
        overrides = { ...overrides, ...step.overrides };
        break;
      case 'member':
        members.push(step.member);
        overrides = {};
        break;
    }
    offset = step.next;
  }
  return { kind: 'damaged', members, finding: found('too-many-members', offset) };
}

async function readStep(
  source: ByteSource,
  offset: number,
  overrides: Overrides,
  limits: TarLimits,
): Promise<Step> {
  if (offset === source.bytes) return damaged('no-end', offset);
  if (offset + BLOCK_BYTES > source.bytes) return damaged('truncated', offset, 'inside a header');
  const block = await source.read(offset, BLOCK_BYTES);
  if (block.length < BLOCK_BYTES) return damaged('truncated', offset, 'inside a header');
  if (isZeroBlock(block)) return readEnd(source, offset, limits);
  const header = parseTarHeader(block);
  if (header.kind === 'bad') {
    return damaged(offset === 0 ? 'not-a-tar' : 'header-damaged', offset, header.detail);
  }
  const dataOffset = offset + BLOCK_BYTES;
  if ('xgLK'.includes(header.flag)) {
    return readExtended(source, header.flag, dataOffset, header.bytes, limits);
  }
  if (header.flag === 'S') return damaged('sparse-member', offset);
  const name = cleanName(overrides.name ?? header.name);
  if (Buffer.byteLength(name) > limits.nameBytesMax) return damaged('name-too-long', offset);
  const bytes = withoutData.has(header.flag) ? 0 : (overrides.bytes ?? header.bytes);
  const next = dataOffset + paddedBytes(bytes);
  // Some writers leave the padding of the last member out; the end mark is missed in the next step.
  if (dataOffset + bytes > source.bytes) return damaged('truncated', offset, `inside ${name}`);
  const member: TarMember = { name, type: memberType(header.flag), bytes, dataOffset };
  return { kind: 'member', member, next: Math.min(next, source.bytes) };
}

/** The data of an extended header: pax records, or a long name of GNU tar. */
async function readExtended(
  source: ByteSource,
  flag: string,
  dataOffset: number,
  bytes: number,
  limits: TarLimits,
): Promise<Step> {
  if (bytes > limits.extendedBytesMax) {
    return damaged('name-too-long', dataOffset, `extended header of ${bytes} bytes`);
  }
  const next = dataOffset + paddedBytes(bytes);
  if (next > source.bytes) return damaged('truncated', dataOffset, 'inside an extended header');
  // A global header and a long link target change nothing that is looked at here.
  if (flag === 'g' || flag === 'K') return { kind: 'extended', overrides: {}, next };
  const data = await source.read(dataOffset, bytes);
  if (flag === 'L') return { kind: 'extended', overrides: { name: textUntilNul(data) }, next };
  const records = parsePax(data);
  if (!records) return damaged('header-damaged', dataOffset, 'its pax records are malformed');
  for (const key of records.keys()) {
    if (key.startsWith('GNU.sparse.')) return damaged('sparse-member', dataOffset);
  }
  const overrides: Overrides = {};
  const name = records.get('path');
  if (name !== undefined) overrides.name = name;
  const size = records.get('size');
  if (size !== undefined) {
    if (!/^\d{1,16}$/.test(size) || !Number.isSafeInteger(Number(size))) {
      return damaged('header-damaged', dataOffset, 'its pax size is no size');
    }
    overrides.bytes = Number(size);
  }
  return { kind: 'extended', overrides, next };
}

/** After one block of zeros: a second must follow, then nothing but a little padding. */
async function readEnd(source: ByteSource, offset: number, limits: TarLimits): Promise<Step> {
  const second = await source.read(offset + BLOCK_BYTES, BLOCK_BYTES);
  if (second.length < BLOCK_BYTES) return damaged('no-end', offset, 'only one block of zeros');
  if (!isZeroBlock(second)) return damaged('no-end', offset, 'a lone block of zeros');
  let at = offset + 2 * BLOCK_BYTES;
  const tailBytes = source.bytes - at;
  if (tailBytes > limits.paddingBytesMax) return damaged('old-tail', at, `${tailBytes} bytes`);
  while (at < source.bytes) {
    const padding = await source.read(at, Math.min(source.bytes - at, 64 * 1024));
    if (padding.length === 0) return damaged('truncated', at, 'the file became shorter');
    if (!isZeroBlock(padding)) return damaged('old-tail', at, `${tailBytes} bytes`);
    at += padding.length;
  }
  return { kind: 'end' };
}

function memberType(flag: string): TarMember['type'] {
  if (flag === '0' || flag === '7') return 'file';
  return flag === '5' ? 'directory' : 'other';
}

function cleanName(name: string): string {
  return name.replace(/^(\.\/+)+/, '').replace(/\/+$/, '');
}

function found(code: FindingCode, offset: number, more?: string): Finding {
  return { code, detail: more === undefined ? `at byte ${offset}` : `at byte ${offset}: ${more}` };
}

function damaged(code: FindingCode, offset: number, more?: string): Step {
  return { kind: 'damaged', finding: found(code, offset, more) };
}
