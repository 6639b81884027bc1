import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { nodeCodeOf } from '../base/index.ts';

/** CRIU writes 53 to 56 bytes. */
const FILE_BYTES_MAX = 4_096;

/** Service image, then statistics; see criu/include/magic.h. */
const MAGICS = [0x55105940, 0x57093306] as const;

/**
 * How long CRIU held the container, ms, by its own account (stats-dump: freezing_time and
 * frozen_time). Undefined when there is none: CRIU writes it at its very end, for whoever still
 * listens. Never follows a link.
 */
export async function readCriuStopMs(path: string): Promise<number | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FILE_BYTES_MAX), 0, FILE_BYTES_MAX);
    return criuStopMs(buffer.subarray(0, bytesRead));
  } catch (error) {
    if (nodeCodeOf(error) !== undefined) return undefined;
    throw error;
  } finally {
    await file?.close();
  }
}

/** Pure; undefined for anything that is not what CRIU writes. */
export function criuStopMs(image: Buffer): number | undefined {
  const HEAD_BYTES = 12;
  if (
    image.length < HEAD_BYTES ||
    MAGICS.some((magic, at) => image.readUInt32LE(at * 4) !== magic)
  ) {
    return undefined;
  }
  const entry = fieldsOf(image.subarray(HEAD_BYTES, HEAD_BYTES + image.readUInt32LE(8)));
  const dump = entry?.get(1);
  const times = Buffer.isBuffer(dump) ? fieldsOf(dump) : undefined;
  const freezing = times?.get(1);
  const frozen = times?.get(2);
  if (typeof freezing !== 'number' || typeof frozen !== 'number') return undefined;
  return (freezing + frozen) / 1_000;
}

/** The fields of a protobuf message that has only numbers and messages in it. */
function fieldsOf(bytes: Buffer): Map<number, number | Buffer> | undefined {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const varint = (): number | undefined => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const key = varint();
    const value = varint();
    if (key === undefined || value === undefined) return undefined;
    if (key % 8 === 0) fields.set(Math.floor(key / 8), value);
    else if (key % 8 === 2 && at + value <= bytes.length) {
      fields.set(Math.floor(key / 8), bytes.subarray(at, at + value));
      at += value;
    } else return undefined;
  }
  return fields;
}
