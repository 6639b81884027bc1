/** The few DER encodings (ITU-T X.690) that an X.509 certificate is made of. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function encode(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export function sequence(...parts: Buffer[]): Buffer {
  return encode(TAG.sequence, Buffer.concat(parts));
}

export function set(...parts: Buffer[]): Buffer {
  return encode(TAG.set, Buffer.concat(parts));
}

/** A whole number that is not negative, given as big-endian bytes. */
export function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  const signBitSet = ((trimmed[0] ?? 0) & 0x80) !== 0;
  return encode(TAG.integer, signBitSet ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed);
}

export function boolean(value: boolean): Buffer {
  return encode(TAG.boolean, Buffer.from([value ? 0xff : 0]));
}

/** "2.5.4.3" → OBJECT IDENTIFIER. */
export function objectId(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const group = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) group.unshift((left & 0x7f) | 0x80);
    bytes.push(...group);
  }
  return encode(TAG.objectId, Buffer.from(bytes));
}

export function utf8String(text: string): Buffer {
  return encode(TAG.utf8String, Buffer.from(text, 'utf8'));
}

export function octetString(content: Buffer): Buffer {
  return encode(TAG.octetString, content);
}

/** `unused` is the number of bits at the end that do not count. */
export function bitString(content: Buffer, unused = 0): Buffer {
  return encode(TAG.bitString, Buffer.concat([Buffer.from([unused]), content]));
}

export function generalizedTime(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return encode(TAG.generalizedTime, Buffer.from(`${text}Z`, 'ascii'));
}

/** A context-specific tag [n]: `explicit` wraps whole values, `implicit` replaces a primitive tag. */
export function explicit(n: number, content: Buffer): Buffer {
  return encode(0xa0 | n, content);
}

export function implicit(n: number, content: Buffer): Buffer {
  return encode(0x80 | n, content);
}
