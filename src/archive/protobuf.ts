import { StillpointError } from '../base/index.ts';

/**
 * Called for each field of a message. `value` is the number of a varint (exact up to 2^53) or
 * undefined; `data` the bytes of a length-delimited field or undefined. Fixed-width fields come
 * with neither.
 */
export type FieldVisitor = (
  field: number,
  value: number | undefined,
  data: Buffer | undefined,
) => void;

/** Where a read stands in a buffer. */
interface Cursor {
  at: number;
}

/**
 * Walks the fields of one protobuf message: just what the images of CRIU need, so that no schema
 * compiler runs on bytes from a hostile container. Throws `archive-broken` when it is malformed.
 */
export function readFields(message: Buffer, visit: FieldVisitor): void {
  const cursor: Cursor = { at: 0 };
  while (cursor.at < message.length) {
    const tag = readVarint(message, cursor);
    const field = Math.floor(tag / 8);
    if (field === 0) throw malformed('a field without number');
    switch (tag % 8) {
      case 0:
        visit(field, readVarint(message, cursor), undefined);
        break;
      case 1:
        skip(message, cursor, 8);
        visit(field, undefined, undefined);
        break;
      case 2: {
        const length = readVarint(message, cursor);
        const start = cursor.at;
        skip(message, cursor, length);
        visit(field, undefined, message.subarray(start, cursor.at));
        break;
      }
      case 5:
        skip(message, cursor, 4);
        visit(field, undefined, undefined);
        break;
      default:
        throw malformed(`wire type ${tag % 8}`);
    }
  }
}

/** The numbers of a packed repeated field. */
export function readPacked(data: Buffer): number[] {
  const cursor: Cursor = { at: 0 };
  const numbers: number[] = [];
  while (cursor.at < data.length) numbers.push(readVarint(data, cursor));
  return numbers;
}

/** The error of everything that is not the message it should be. */
export function malformed(what: string): StillpointError {
  return new StillpointError({ code: 'archive-broken', message: `malformed image: ${what}` });
}

function readVarint(message: Buffer, cursor: Cursor): number {
  let value = 0;
  let scale = 1;
  for (let length = 0; length < 10; length++) {
    const byte = message[cursor.at];
    if (byte === undefined) throw malformed('a number is cut off');
    cursor.at++;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  throw malformed('a number has more than 10 bytes');
}

function skip(message: Buffer, cursor: Cursor, length: number): void {
  if (cursor.at + length > message.length) throw malformed('a field is cut off');
  cursor.at += length;
}
