/** A writer of the protobuf wire format, for the images that CRIU would write. */

/** A number or boolean becomes a varint, text, bytes and messages a length-delimited field. */
export type ProtoValue = number | bigint | boolean | string | Buffer;

/** One field: its number and its value, or several values of a repeated field. */
export type ProtoField = readonly [number, ProtoValue | readonly ProtoValue[]];

export function message(...fields: ProtoField[]): Buffer {
  const parts: Buffer[] = [];
  for (const [number, given] of fields) {
    const values = Array.isArray(given) ? (given as readonly ProtoValue[]) : [given as ProtoValue];
    for (const value of values) parts.push(field(number, value));
  }
  return Buffer.concat(parts);
}

/** The encoding of sint32 and sint64. */
export function zigzag(value: number): bigint {
  return value >= 0 ? BigInt(value) * 2n : BigInt(-value) * 2n - 1n;
}

function field(number: number, value: ProtoValue): Buffer {
  if (typeof value === 'string' || Buffer.isBuffer(value)) {
    const content = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
  }
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function varint(value: number | bigint | boolean): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}
